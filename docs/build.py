"""Make the web site: `make site`, or `python docs/build.py [FOLDER]` (default: build/site).

Lays this folder, the notebooks and the generated parts together in FOLDER-source and runs Sphinx on it, with warnings
as errors. Nothing is executed but the drawing of the sliders' frames, and nothing is downloaded.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]


TO_TEACH = """
```{toctree}
:hidden:
:glob:

[a-z]*
[0-9]*
```
"""


def main(argv=None):
    """Returns the exit code of Sphinx."""
    parser = argparse.ArgumentParser(description="make the web site")
    parser.add_argument("folder", nargs="?", type=Path, default=DOCS.parent / "build" / "site")
    html = parser.parse_args(argv).folder.resolve()
    os.environ["MPLBACKEND"] = "agg"  # of the processes that draw, too
    from sphinx.cmd.build import main as sphinx

    source = html.with_name(f"{html.name}-source")
    lay_out(source)
    shutil.rmtree(html, ignore_errors=True)
    code = sphinx(["-q", "-W", "--keep-going", "-d", str(source / ".cache"), str(source), str(html)])
    if code == 0:
        print(f"The site is {os.path.relpath(html / 'index.html')}: open it in a browser.")
    return code


def lay_out(source):
    """Everything that Sphinx reads, in the folder `source`, made anew."""
    import lessons
    import pages
    from joblib import Parallel, delayed

    from bnbook import course, guide

    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("build.py", "__pycache__"))
    (source / "notebooks").mkdir()
    # In processes: a third of a second goes into each frame of a slider.
    Parallel(n_jobs=-1)(delayed(lessons.lay_out)(path, source) for path in course.notebooks())
    guide.write(source / "teach")
    with (source / "teach" / "index.md").open("a", encoding="utf-8") as index:
        index.write(TO_TEACH)
    png, sentence = pages.picture()
    (source / "first_look.png").write_bytes(png)
    index = source / "index.md"
    write(index, index.read_text(encoding="utf-8").replace("SENTENCE", sentence))
    for name, text in {**{f"_parts/{name}": text for name, text in pages.parts().items()}, **pages.api()}.items():
        write(source / name, text)


def write(path, text):
    """Write a text, and make the folder for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
