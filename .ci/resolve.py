"""Do the pins fit every system? Resolves them for Linux, macOS and Windows, oldest and newest Python, in seconds.

    pip install -c constraints.txt uv && PYTHONPATH=. python .ci/resolve.py

Exit code 1 if a system has no set of versions, or if one needs a package that constraints.txt does not pin.
"""

import re
import sys
import time
import tomllib

from bnbook import course, elsewhere, install

# Pinned by torch's own build for Linux.
OF_TORCH = ("nvidia-", "cuda-")


def names(text):
    """The packages of a requirements file."""
    return set(re.findall(r"^([\w.-]+)==", text, re.M))


def main():
    """One line for each system and Python; returns the exit code."""
    project = tomllib.loads((course.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = names((course.ROOT / "constraints.txt").read_text(encoding="utf-8"))
    bad = 0
    for platform in elsewhere.PLATFORMS:
        for python in (install.OLDEST, install.NEWEST):
            version, start = ".".join(map(str, python)), time.time()
            try:
                found = names(elsewhere.resolve(platform, version, project["optional-dependencies"]))
            except RuntimeError as error:
                print(f"FAIL  {error}")
                bad += 1
                continue
            loose = sorted(name for name in found - pinned if not name.startswith(OF_TORCH))
            bad += bool(loose)
            says = f"not pinned: {' '.join(loose)}" if loose else f"{len(found)} packages"
            print(f"{'FAIL' if loose else 'ok'}  {platform}, Python {version}: {says}, {time.time() - start:.1f} s")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
