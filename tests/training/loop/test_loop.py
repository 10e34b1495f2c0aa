"""The training loop with a toy objective: exact resuming, stop conditions, errors."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.conventions.errors import UserError
from training.loop.display import Display, Silent
from training.streaming.batch import Batch, Position, sample_seed

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


class Line(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.dropout = torch.nn.Dropout(0.2)

    def forward(self, x: Any) -> Any:
        return self.dropout(self.layer(x))

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self.state_dict(), folder / "line.pt")


class Slope:
    """Learns next = 2 * interval with a dropout, so that the global generator matters too."""

    name = "mask"
    spoilt_loss: float | None = None
    """Loss in place of the true one, with a gradient of zero, while `spoils` holds."""
    spoils: str = ""

    def __init__(self, break_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.line, self.break_at, self.calls = Line(), break_at, 0

    def parts(self) -> dict[str, Any]:
        return {"line": self.line}

    def loss(self, batch: Batch) -> dict[str, Any]:
        self.calls += 1
        if self.break_at is not None and self.calls >= self.break_at:
            return {"loss": self.line.layer.weight.sum() * float("nan")}
        if self.spoilt_loss is not None and self.spoils == self.split():
            return {"loss": self.line.layer.weight.sum() * 0 + self.spoilt_loss}
        wanted = 2 * batch.interval_s[:, None]
        noise = torch.cat([torch.randn(1, 1, generator=g) for g in batch.generators()])
        return {
            "loss": ((self.line(batch.interval_s[:, None] + 0.01 * noise) - wanted) ** 2).mean()
        }

    def split(self) -> str:
        return "train" if torch.is_grad_enabled() else "val"

    def preview(self, batch: Batch) -> np.ndarray:
        return np.zeros((8, 8, 3), np.uint8)


class Numbers:
    def batches(self, start: Position, rank: int = 0, num_ranks: int = 1) -> Iterator[Batch]:
        epoch, number, seen = start.epoch, start.batch, start.samples_seen
        nothing = torch.zeros(2, 1)
        while True:
            while number < 7:
                keys = [f"s{2 * number}", f"s{2 * number + 1}"]
                seen, number = seen + 2, number + 1
                interval = torch.tensor([number / 7, number / 14])
                seeds = [sample_seed(0, epoch, key) for key in keys]
                position = Position(epoch, number, seen)
                yield Batch(
                    keys, nothing, nothing, nothing, nothing, nothing, interval, ["sky"] * 2,
                    seeds, position,
                )  # fmt: skip
            epoch, number = epoch + 1, 0


def run(folder: Path, objective: Slope, display: Display | None = None, **options: Any):
    from training.loop.config import LoopConfig
    from training.loop.loop import train

    config = LoopConfig(
        **{"checkpoint_every_steps": 5, "validate_every_steps": 4, "log_every_steps": 3, **options}
    )
    return train(objective, Numbers(), Numbers(), folder, config, display=display)


def weights(folder: Path) -> dict[str, bytes]:
    from training.loop.checkpoint import latest_checkpoint, load_checkpoint

    path = latest_checkpoint(folder)
    assert path is not None
    saved = load_checkpoint(path)
    return {
        f"{group}/{name}": tensor.numpy().tobytes()
        for group, tensors in saved.groups.items()
        for name, tensor in tensors.items()
    }


def test_stopped_and_resumed_equals_undisturbed(tmp_path: Path) -> None:
    """Weights, averages, optimiser and generators, bit for bit; also the logged losses."""
    whole = run(tmp_path / "whole", Slope(), max_steps=23)
    for stop in (4, 11, 20):
        run(tmp_path / "parts", Slope(), max_steps=stop)
    parts = run(tmp_path / "parts", Slope(), max_steps=23)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert (parts.step, parts.samples_seen) == (whole.step, whole.samples_seen) == (23, 46)
    assert parts.validation_loss == whole.validation_loss


def test_a_killed_run_repeats_the_steps_since_its_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", Interrupted(after=13), max_steps=23)
    run(tmp_path / "killed", Slope(), max_steps=23)
    run(tmp_path / "whole", Slope(), max_steps=23)
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


class Interrupted(Slope):
    """Ctrl-C in the middle of a step."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def loss(self, batch: Batch) -> dict[str, Any]:
        if self.line.training and torch.is_grad_enabled():
            self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt
        return super().loss(batch)


class StopAfter(Silent):
    """A person who presses Ctrl-C in the third step."""

    def __init__(self) -> None:
        self.steps = 0
        self.said: list[str] = []

    def advance(self, fraction: float, step: int, loss: float, steps_per_s: float) -> None:
        self.steps += 1

    def say(self, text: str) -> None:
        self.said.append(text)

    def stop_signal(self) -> int:
        return signal.SIGINT if self.steps == 3 else 0


def test_a_stop_saves_after_the_step_and_loses_nothing(tmp_path: Path) -> None:
    display = StopAfter()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", Slope(), display, max_steps=23)
    saved = tmp_path / "stopped" / "checkpoints" / "step-000000003"
    assert display.said == [f"interrupted: saved as {saved}; the same command goes on there"]
    run(tmp_path / "stopped", Slope(), max_steps=23)
    run(tmp_path / "whole", Slope(), max_steps=23)
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")


def test_it_learns_and_writes_what_it_promises(tmp_path: Path) -> None:
    result = run(tmp_path, Slope(), max_steps=60, learning_rate=0.05)
    assert result.reason == "max_steps"
    assert result.loss < 0.6
    assert json.loads((tmp_path / "result.json").read_text())["step"] == 60
    assert (tmp_path / "parts" / "line" / "line.pt").is_file()
    assert list((tmp_path / "tensorboard").iterdir())
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {line["split"] for line in log} == {"train", "val"}
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def test_time_is_a_limit_over_all_restarts(tmp_path: Path) -> None:
    result = run(tmp_path, Slope(), max_time_s=0.3)
    assert result.reason == "max_time_s"
    assert result.step > 0
    again = run(tmp_path, Slope(), max_time_s=0.3)
    assert again.step == result.step


def test_a_loss_that_is_no_number_names_batch_and_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        run(tmp_path, Slope(break_at=10), max_steps=30, validate_every_steps=1000)
    message = str(caught.value)
    assert "step 10 is nan" in message
    assert "s4, s5" in message
    assert "step-000000005" in message
    assert "\n" not in message


@pytest.mark.parametrize(("split", "message"), [("train", "loss of step 1"), ("val", "validation")])
def test_an_infinite_loss_is_no_result_though_gradients_are_finite(
    split: str, message: str, tmp_path: Path
) -> None:
    slope = Slope()
    slope.spoilt_loss, slope.spoils = float("inf"), split
    with pytest.raises(UserError, match=f"{message}.* is inf"):
        run(tmp_path, slope, max_steps=6)
    assert not (tmp_path / "result.json").exists()


def test_a_run_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    run(tmp_path, Slope(), max_steps=3)
    other = Slope()
    other.name = "renderer"
    with pytest.raises(UserError, match="another preset or objective"):
        run(tmp_path, other, max_steps=6)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    run(tmp_path, Slope(), max_steps=3)
    (tmp_path / "checkpoints" / "step-000000003" / "average.safetensors").write_bytes(b"short")
    with pytest.raises(UserError, match=r"average\.safetensors is damaged.*delete the folder"):
        run(tmp_path, Slope(), max_steps=6)


def test_a_checkpoint_that_could_not_be_finished_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.loop import checkpoint

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_json", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save_checkpoint(tmp_path, 5, {"weights": {"a": torch.ones(1)}}, {}, keep=2)
    assert not list((tmp_path / "checkpoints").iterdir())


def test_checkpoints_have_the_mode_of_other_files(tmp_path: Path) -> None:
    """The group and others may read them, as the umask says; safetensors writes 0600."""
    from training.loop import checkpoint

    path = checkpoint.save_checkpoint(tmp_path, 5, {"weights": {"a": torch.ones(1)}}, {}, keep=2)
    (tmp_path / "plain").touch()
    modes = {file.stat().st_mode for file in [*path.iterdir(), tmp_path / "plain"]}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [("constant", 0, 0.25), ("constant", 3, 1.0), ("constant", 90, 1.0), ("cosine", 50, 0.5)],
)
def test_learning_rate_is_a_function_of_the_step(schedule: str, step: int, expected: float) -> None:
    from training.loop.config import LoopConfig, learning_rate

    config = LoopConfig(learning_rate=1.0, warmup_steps=4, schedule=schedule, max_steps=100)  # pyright: ignore[reportArgumentType]
    assert learning_rate(config, step) == pytest.approx(expected, abs=1e-6)
