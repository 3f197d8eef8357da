"""Run `answered.py` in an environment of its own: niquests brings another package by the name of urllib3."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
CACHE = Path(os.environ.get("NETDOUBLE_PEERS", ROOT / ".venv-peers"))
NEEDS = ("niquests==3.21.2", "pytest>=8.0")


def main() -> int:
    """0 when all tests pass."""
    where = CACHE / "env-niquests"
    python, stamp, wanted = where / "bin" / "python", where / "made", "\n".join(NEEDS)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(where)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-e", f"{ROOT}[wire,http2]", *NEEDS], check=True)
        stamp.write_text(wanted)
    sys.stdout.write(f"\n=== {NEEDS[0]}\n")
    sys.stdout.flush()
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={HERE}",
               f"--confcutdir={HERE}", str(HERE / "answered.py")]  # fmt: skip
    return subprocess.run(command, cwd=HERE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
