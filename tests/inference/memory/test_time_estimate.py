"""The plan in one line: steps, memory, and how long it may take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.planned.settings import StrokesConfig  # noqa: E402
from inference.command.command import run_paint  # noqa: E402
from inference.memory.advice import strokes_line  # noqa: E402
from inference.memory.live_bytes import counting_live_bytes  # noqa: E402
from inference.memory.time_estimate import in_words, strokes_seconds  # noqa: E402
from inference.rollout.steps import RolloutConfig  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402


def test_operations_are_counted_by_hand() -> None:
    convolution = torch.nn.Conv2d(3, 8, 3, padding=1, device="meta")
    linear = torch.nn.Linear(16, 4, device="meta")
    with counting_live_bytes() as live:
        convolution(torch.empty(2, 3, 10, 10, device="meta"))
        assert live.operations == 2 * (3 * 9) * (2 * 8 * 100)
        linear(torch.empty(5, 16, device="meta"))
        assert live.operations == 2 * 27 * 1600 + 2 * 16 * 20
        tokens = torch.empty(1, 2, 7, 6, device="meta")
        torch.nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)
        assert live.operations == 2 * 27 * 1600 + 2 * 16 * 20 + 2 * (2 * 7 * 7) * 12


def test_the_plan_before_painting_is_one_line(
    painter_folder: Path, picture_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = InferenceConfig(painter=str(painter_folder), stop=StopConfig(max_steps=1))
    run_paint([picture_file], tmp_path / "a", config, dry_run=False)
    planned = [line for line in capsys.readouterr().out.splitlines() if line.startswith("plan")]
    pattern = (
        r"plan: 1 painting by \S+, at most 1 steps of 10 s, \d+\.\d GB of memory on cpu "
        r"\(\d+\.\d free\), at most about \d+ s"
    )
    assert len(planned) == 1
    assert re.fullmatch(pattern, planned[0])
    run_paint([picture_file], tmp_path / "b", config, dry_run=False, is_verbose=True)
    assert "plan:   mask_unet" in capsys.readouterr().out


def test_strokes_are_planned_in_one_line() -> None:
    config = InferenceConfig(
        strokes=StrokesConfig(num_steps=20), rollout=RolloutConfig(interval_s=10.0)
    )
    line = strokes_line(config, [(500, 1000), (500, 2560)])
    assert "2 paintings in strokes (learned order, oil), about 40 steps of 10 s" in line
    assert line.endswith(in_words(strokes_seconds(500_000) + strokes_seconds(250 * 1280)))
    limited = config.model_copy(update={"stop": StopConfig(max_steps=3)})
    assert ", 3 steps of" in strokes_line(limited, [(500, 1000)])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "about 10 s"), (44, "about 40 s"), (200, "about 3 min"), (9000, "about 2.5 h")],
)
def test_times_are_round(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
