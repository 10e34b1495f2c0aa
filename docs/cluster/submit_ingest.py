"""What `ray submit` runs on the head: `python -m ingest` of the toolkit that lies there.

The words after the script are those of `python -m ingest`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

TOOLKIT = Path(os.environ.get("TOOLKIT", Path.home() / "toolkit"))

if __name__ == "__main__":
    if not (TOOLKIT / "ingest").is_dir():
        raise SystemExit(f"error: {TOOLKIT} is no toolkit: see file_mounts of the launcher file")
    python = TOOLKIT / ".venv" / "bin" / "python"
    os.chdir(TOOLKIT)
    os.environ.setdefault("RAY_ADDRESS", "auto")
    os.execv(python, [str(python), "-m", "ingest", *sys.argv[1:]])
