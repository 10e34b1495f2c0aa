"""``python -m ingest.doctor``: checks that all dependencies load, and says what to install if not.

Import errors of binary wheels name a missing library, but not the package that has it.
"""

from __future__ import annotations

import ctypes
import importlib
import re
import subprocess
import sys

MODULES = (
    "numpy", "cv2", "av", "pandas", "pyarrow", "psutil", "ray", "torch", "webdataset", "labeling",
    "lpips", "transformers", "diffusers", "peft",
)  # fmt: skip
"""Modules that must load."""
OPTIONAL_MODULES = ("decord",)
"""Modules that only benchmarks need."""

DEBIAN_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxcb.so.1": "libxcb1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
}
"""Debian package of every shared library that our wheels load from the system."""


def missing_packages() -> list[str]:
    """Debian packages of all libraries in `DEBIAN_PACKAGES` that this machine lacks."""

    def is_missing(library: str) -> bool:
        try:
            ctypes.CDLL(library)
        except OSError:
            return True
        return False

    return sorted({package for library, package in DEBIAN_PACKAGES.items() if is_missing(library)})


def advice(error: str) -> str:
    """Returns what to do about an import error, from its text."""
    library = re.search(r"(lib[\w+.-]+\.so(?:\.\d+)*)", error)
    if library and library[1] in DEBIAN_PACKAGES:
        packages = {DEBIAN_PACKAGES[library[1]], *missing_packages()}
        return f"apt-get install {' '.join(sorted(packages))}, then run `make setup` again"
    if library:
        return f"install the system package that holds {library[1]} (Debian: apt-file search it)"
    if "No module named" in error:
        return "run `make setup` again"
    return "delete .venv and run `make setup` again"


def problem_of(module: str) -> str | None:
    """The import error of `module` in a new process (it may crash), or None."""
    code = f"import ingest, {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the process ended with code {done.returncode}"


def main() -> int:
    """Print one line per problem; returns exit code 1 if a required module does not load."""
    importlib.invalidate_caches()
    failed = 0
    for module in MODULES:
        problem = problem_of(module)
        if problem:
            failed += 1
            print(f"error: {module} does not load ({problem}): {advice(problem)}", file=sys.stderr)
    for module in OPTIONAL_MODULES:
        if problem_of(module):
            print(f"note: no {module} here; only `python -m ingest.benchmark` needs it")
    if not failed:
        print("everything needed loads on this machine")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
