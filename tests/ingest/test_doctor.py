from __future__ import annotations

import pytest

from ingest import doctor


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            "apt-get install libgl1",
        ),
        (
            "ImportError: libgthread-2.0.so.0: cannot open shared object file",
            "apt-get install libglib2.0-0",
        ),
        ("ImportError: libweird.so.7: cannot open shared object file", "libweird.so.7"),
        ("ModuleNotFoundError: No module named 'av'", "make setup"),
        ("Segmentation fault", "delete .venv"),
    ],
)
def test_advice_names_what_to_install(error: str, expected: str) -> None:
    assert expected in doctor.advice(error)


def test_problem_of_a_module_that_is_not_there() -> None:
    assert "no_such_module" in (doctor.problem_of("no_such_module") or "")
    assert doctor.problem_of("json") is None
