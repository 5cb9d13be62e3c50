"""`make matrix` sees a notebook that prints otherwise, keeps what passed and runs what failed again."""

import json
from pathlib import Path

import matrix
import nbformat
import pytest


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two notebooks: one prints a number, the other how an image was rounded."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "constraints.txt").write_text("")
    for name, source, printed in (
        ("00_same.ipynb", "print(1)", "1\n"),
        ("01_rounded.ipynb", "from bnbook import data\nprint((16 * data.digits().x_train % 1 == 0).all())", "True\n"),
    ):
        cell = nbformat.v4.new_code_cell(source, execution_count=1)
        cell.outputs = [nbformat.v4.new_output("stream", text=printed)]
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "notebooks" / name)
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    monkeypatch.setattr(matrix, "KEPT", tmp_path / "out" / "matrix.json")
    both = ("as it is", "images changed by 4e-16")
    found = {name: row for name, row in matrix.rows().items() if name in both}
    monkeypatch.setattr(matrix, "rows", lambda: found)
    return tmp_path


@pytest.mark.full  # five kernels, to try the tool and not the course
def test_what_hangs_on_rounding_is_seen_and_what_passed_is_kept(course, monkeypatch, capsys):
    assert matrix.main() == 1
    said = capsys.readouterr().out
    assert "| as it is | 2 of 2 |  |" in said and "| images changed by 4e-16 | 1 of 2 |  |" in said
    assert "--- images changed by 4e-16: " in said and "01_rounded.ipynb" in said
    ran = []
    monkeypatch.setattr(matrix, "passes", lambda path, *rest: (ran.append(path.name), (True, ""))[1])
    assert matrix.main() == 0 and ran == ["01_rounded.ipynb"]  # the one that failed
    notebook = course / "notebooks" / "00_same.ipynb"
    notebook.write_text(notebook.read_text().replace("print(1)", "print(2)"))
    assert matrix.main() == 0 and ran[1:] == ["00_same.ipynb"] * 2  # what has changed, in both rows
    assert len(json.loads((course / "out" / "matrix.json").read_text())) == 6


def test_only_some_notebooks_may_be_asked_for(course):
    assert [Path(path).name for _, path in matrix.units(["01"])] == ["01_rounded.ipynb"]
    with pytest.raises(ValueError, match="there is no notebook '77'; choose some of 00 01"):
        matrix.units(["77"])


def test_rows_differ_in_what_another_machine_differs_in():
    found = matrix.rows()
    assert len({json.dumps(row) for row in found.values()}) == len(found) == 7
    assert {threads for _, threads, _ in found.values()} == {1, 2}
