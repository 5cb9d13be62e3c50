"""After a failed `bnbook test`: executes each notebook that failed, errors and all, into failed/, for people to read.

python .ci/failed.py
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAST = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"


def notebooks():
    """The notebooks in which a cell failed when the tests last ran."""
    failed = json.loads(LAST.read_text(encoding="utf-8")) if LAST.exists() else {}
    return sorted({name.partition("::")[0] for name in failed if name.partition("::")[0].endswith(".ipynb")})


def main():
    """Execute them by nbconvert, which stores what each cell printed and the error where it stopped."""
    convert = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--allow-errors"]
    found = notebooks()
    print(f"notebooks that failed: {' '.join(found) or 'none'}")
    return subprocess.run([*convert, "--output-dir", "failed", *found], cwd=ROOT).returncode if found else 0


if __name__ == "__main__":
    sys.exit(main())
