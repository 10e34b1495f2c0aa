"""Names of devices."""

from __future__ import annotations

import pytest

from ingest.conventions.errors import UserError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from training.painter.device import resolve_device  # noqa: E402


def test_a_device_is_taken_by_its_name() -> None:
    assert resolve_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["nonsense", "cuda:99"])
def test_an_unusable_device_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UserError, match="cannot be used") as raised:
        resolve_device(name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest_device(
    cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto").type == expected
