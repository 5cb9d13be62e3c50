"""What surrounds the course: licences, citation, forms, CI, Binder, Codespaces, README's first screen.

Binder, Codespaces, Colab and GitHub's CI cannot be run where the course is made. Their files are read here instead:
that they are well formed, agree with each other, and name only what there is.
"""

import base64
import json
import os
import re
import runpy
import shutil
import subprocess
import tomllib

import nbformat
import pytest
import yaml

from bnbook import __main__ as command_line
from bnbook import course, install

ROOT = course.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HOME = PROJECT["urls"]["Homepage"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
GITHUB = sorted(file for ending in ("yml", "yaml") for file in (ROOT / ".github").rglob(f"*.{ending}"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*-*.yml"))


def text(name):
    """A file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


# --- licences, citation, version


def test_both_licences_are_there_and_named_where_people_look():
    assert PROJECT["license"] == "BSD-3-Clause AND CC-BY-4.0" and PROJECT["license-files"] == [
        "LICENSE",
        "LICENSE-TEXT",
    ]
    code, words = text("LICENSE"), text("LICENSE-TEXT")
    assert "Redistribution and use in source and binary forms" in code and "Neither the name" in code
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in words
    for name in ("README.md", "CONTRIBUTING.md"):
        assert "[BSD-3-Clause](LICENSE)" in text(name) and "[CC BY 4.0](LICENSE-TEXT)" in text(name)


def test_the_citation_has_what_its_format_requires_and_agrees_with_the_project():
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0" and citation["message"] and citation["title"] and citation["type"]
    assert citation["authors"] == [{"name": PROJECT["authors"][0]["name"]}]
    assert citation["license"] == PROJECT["license"].split(" AND ") and citation["repository-code"] == HOME
    assert citation["title"] == text("README.md").splitlines()[0].removeprefix("# ")


def test_the_version_has_one_home_and_the_newest_change_is_of_that_version():
    assert re.search(r"^## (\S+)", text("CHANGELOG.md"), re.M)[1] == PROJECT["version"] == "1.0.0"
    assert "version" not in yaml.safe_load(text("CITATION.cff"))
    assert not [file for file in (ROOT / "bnbook").rglob("*.py") if "__version__ =" in file.read_text(encoding="utf-8")]


def other_homes(words):
    """Addresses of a repository called bnbook, in whatever form a service wants, that are not ours."""
    found = re.findall(r"(?:github\.com|github|/gh|codespaces\.new)/([\w.-]+/bnbook)\b", words)
    return sorted(set(found) - {HOME.removeprefix("https://github.com/")})


def test_every_link_to_the_course_goes_to_the_one_address():
    names = ["README.md", "CONTRIBUTING.md", "CITATION.cff", "CHANGELOG.md", ".devcontainer/devcontainer.json"]
    files = [*map(ROOT.joinpath, names), *GITHUB, *(ROOT / ".binder").iterdir(), *(ROOT / "docs").rglob("*.md")]
    assert not {file.name: other for file in files if (other := other_homes(file.read_text(encoding="utf-8")))}
    assert other_homes(f"{HOME} https://mybinder.org/v2/gh/you/bnbook/main github.com/me/bnbook") == [
        *("me/bnbook", "you/bnbook"),
    ]


def test_the_page_for_contributors_has_four_commands_that_there_are():
    page = text("CONTRIBUTING.md")
    commands = page.split("```")[1].strip().splitlines()
    assert len(page.splitlines()) <= 45 and len(commands) == 4
    assert {line.split()[1] for line in commands if line.startswith("make ")} <= TARGETS


@pytest.mark.parametrize("form", FORMS, ids=lambda file: file.stem)
def test_an_issue_form_is_one_that_github_takes(form):
    fields = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert fields["name"] and fields["description"] and fields["labels"]
    names = [field["id"] for field in fields["body"]]
    assert len(set(names)) == len(names) and all(isinstance(name, str) for name in names)
    for field in fields["body"]:
        assert field["type"] in ("input", "textarea", "dropdown") and field["attributes"]["label"]
        assert field["type"] != "dropdown" or len(set(field["attributes"]["options"])) >= 2
    assert any(field.get("validations", {}).get("required") for field in fields["body"])


def test_there_is_a_form_for_each_thing_that_goes_wrong():
    assert [form.stem for form in FORMS] == ["broken-set-up", "confusing-passage", "wrong-statement"]


# --- CI


def loose(words):
    """Actions in a workflow that are neither in this repository nor named by a commit, with its version in words."""
    uses = re.findall(r"uses: (.*)", words)
    return [use for use in uses if not re.fullmatch(r"\./\S+|[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+(\.\d+)*", use)]


def test_every_action_is_named_by_its_commit_and_every_local_one_is_there():
    assert not [use for file in GITHUB for use in loose(file.read_text(encoding="utf-8"))]
    sha = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
    assert loose(f"uses: {sha} # v4.2.2\nuses: actions/checkout@v4\nuses: {sha}\nuses: {sha[:-1]} # v4.2.2") == [
        *("actions/checkout@v4", sha, f"{sha[:-1]} # v4.2.2"),
    ]
    for file in GITHUB:
        for local in re.findall(r"uses: \./(\S+)", file.read_text(encoding="utf-8")):
            assert (ROOT / local / "action.yml").exists(), local


def test_one_action_has_one_version_everywhere():
    used = re.findall(r"uses: ([\w-]+/[\w-]+)@(.*)", "".join(file.read_text(encoding="utf-8") for file in GITHUB))
    assert len(set(used)) == len({name for name, _ in used}) >= 3


def workflow():
    """The workflow of CI; YAML reads its `on` as a truth value."""
    found = yaml.safe_load(text(".github/workflows/ci.yml"))
    return found, found[True], found["jobs"]


def test_ci_runs_on_changes_on_main_and_weekly_and_may_only_read():
    whole, when, jobs = workflow()
    assert {"pull_request", "push", "schedule"} <= when.keys() and when["push"]["branches"] == ["main"]
    assert whole["permissions"] == {"contents": "read"} and "github.ref" in whole["concurrency"]["group"]
    assert [name for name, job in jobs.items() if job.get("permissions")] == ["colab"], "which writes its own branch"
    assert all(job["timeout-minutes"] <= 90 for job in jobs.values())


def test_ci_tries_every_system_with_every_python_and_both_ends_of_the_ranges():
    _, _, jobs = workflow()
    pythons = [f"3.{minor}" for minor in range(install.OLDEST[1], install.NEWEST[1] + 1)]
    matrix = jobs["everything"]["strategy"]["matrix"]
    assert matrix["python"] == pythons and [os.partition("-")[0] for os in matrix["os"]] == [
        "ubuntu",
        "macos",
        "windows",
    ]
    ends = {row["versions"]: (row["python"], row["options"]) for row in jobs["ranges"]["strategy"]["matrix"]["include"]}
    assert ends["oldest"] == (pythons[0], "--resolution lowest-direct") and ends["newest"] == (pythons[-1], "--upgrade")


def test_a_failed_notebook_is_executed_and_uploaded_where_notebooks_are_tested():
    _, _, jobs = workflow()
    for name in ("change", "everything"):
        last = jobs[name]["steps"][-1]
        assert last == {"if": "failure()", "uses": "./.github/actions/show-failed"}
    assert "path: failed" in text(".github/actions/show-failed/action.yml") and '"failed"' in text(".ci/failed.py")


def test_what_ci_types_is_there(capsys):
    words = "\n".join(file.read_text(encoding="utf-8") for file in GITHUB)
    named = set(" ".join(re.findall(r"run: make ([a-z -]+)$", words, re.M)).split())
    assert {"full", "offline", "offline-check"} <= named <= TARGETS
    for script in re.findall(r"(\.ci/[\w.]+|bnbook/\w+\.py)", words):
        assert (ROOT / script).exists(), script
    for line in re.findall(r"bin/bnbook (.+)|-m bnbook (.+)", words):
        command = "".join(line).replace('"', "").split()
        assert command_line._parser(command).parse_args(command).run
    assert "make test" in text(".ci/run").splitlines()


def test_torch_is_never_taken_without_saying_which():
    """PyPI's torch for Linux brings CUDA: wherever Linux is set up without install.py alone, uv takes the CPU's."""
    launch = [*GITHUB, *(ROOT / ".binder").iterdir(), ROOT / ".devcontainer" / "devcontainer.json"]
    lines = [
        line for file in launch for line in file.read_text(encoding="utf-8").splitlines() if "uv pip install" in line
    ]
    assert len(lines) == 4 and all("--torch-backend cpu" in line for line in lines)


def test_the_notebooks_that_failed_are_those_of_the_last_tests(tmp_path):
    script = tmp_path / ".ci" / "failed.py"
    script.parent.mkdir()
    shutil.copy(ROOT / ".ci" / "failed.py", script)
    notebooks = runpy.run_path(str(script))["notebooks"]
    assert notebooks() == []
    cache = tmp_path / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True)
    failed = ["notebooks/02_forward.ipynb::Cell 3", "notebooks/02_forward.ipynb::Cell 5", "tests/test_main.py::test_a"]
    (cache / "lastfailed").write_text(json.dumps(dict.fromkeys(failed, True)))
    assert notebooks() == ["notebooks/02_forward.ipynb"]


def test_dependabot_looks_after_python_and_actions():
    updates = yaml.safe_load(text(".github/dependabot.yml"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "github-actions"}


# --- Binder, Codespaces


@pytest.mark.skipif(os.name == "nt", reason="a script for Linux")
def test_binder_makes_the_learners_copy_with_the_tested_versions():
    script = ROOT / ".binder" / "postBuild"
    assert os.access(script, os.X_OK) and subprocess.run(["bash", "-n", script]).returncode == 0
    words = script.read_text(encoding="utf-8")
    assert "-c constraints.txt -e .\n" in words, "without the extra lab: Binder has a Jupyter"
    assert "course.learner_copy()" in words
    (uv,) = re.findall(r"^uv==.*", text(".binder/requirements.txt"), re.M)
    assert uv in text("constraints.txt").splitlines()
    python = tuple(map(int, text(".binder/runtime.txt").strip().removeprefix("python-").split(".")))
    assert install.OLDEST <= python <= install.NEWEST


def test_every_link_that_opens_the_course_opens_its_first_notebook():
    first, readme = course.notebooks()[0].name, text("README.md")
    assert f"/main?urlpath=lab/tree/work/{first})" in readme, "Binder"
    assert f"/blob/colab/{first})" in readme, "Colab"
    container = json.loads(text(".devcontainer/devcontainer.json"))
    assert container["customizations"]["codespaces"]["openFiles"] == [f"work/{first}"]
    assert (
        "course.learner_copy()" in container["onCreateCommand"] and "bnbook/install.py" in container["onCreateCommand"]
    )


# --- README's first screen


def test_readme_opens_with_a_sentence_a_picture_two_commands_and_links():
    title, sentence, picture, commands, links, *_ = text("README.md").split("\n\n")
    assert title.startswith("# ") and sentence.count(". ") == 0 and sentence.endswith(".")
    alt, file = re.fullmatch(r"!\[(.*)\]\((.*)\)", picture, re.S).groups()
    assert len(alt.split()) >= 10 and ".png" not in alt and (ROOT / file) == course.PICTURE
    assert re.findall(r"^make (\w+)", commands, re.M) == ["lab", "test"]
    assert re.findall(r"\[(\w+)\]", links) == ["Binder", "Colab", "Codespaces"]


def test_the_picture_is_notebook_00s_and_small():
    cells = nbformat.read(course.notebooks()[0], as_version=4).cells
    data = [output.data for cell in cells for output in cell.get("outputs", []) if "data" in output]
    first = next(bundle["image/png"] for bundle in data if "image/png" in bundle)
    assert course.PICTURE.read_bytes() == base64.b64decode(first) and course.PICTURE.stat().st_size < 80_000


def test_files_that_readme_links_to_are_there():
    for name in ("README.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text(name)):
            assert (ROOT / link).exists(), link
