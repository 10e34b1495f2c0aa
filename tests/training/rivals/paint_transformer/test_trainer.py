"""Paint Transformer's training: going on with a run, its rate, its practice and its brushes."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from ingest.conventions.errors import UserError  # noqa: E402
from training.rivals.folder import read_rival  # noqa: E402
from training.rivals.paint_transformer.brushes import oil_brushes  # noqa: E402
from training.rivals.paint_transformer.practice import random_practice  # noqa: E402
from training.rivals.paint_transformer.settings import load_paint_transformer  # noqa: E402
from training.rivals.paint_transformer.train import train_paint_transformer  # noqa: E402
from training.rivals.paint_transformer.trainer import (  # noqa: E402
    PaintTransformerTrainer,
    PaintTransformerTraining,
    rate_share,
)

pytestmark = pytest.mark.torch

SETTINGS = PaintTransformerTraining(steps=3, batch=4)


def test_a_run_that_goes_on_ends_with_the_same_bytes(tmp_path: Path) -> None:
    train_paint_transformer(tmp_path / "whole", SETTINGS)
    begun = PaintTransformerTrainer(SETTINGS)
    begun.step()
    begun.save(tmp_path / "parts")
    train_paint_transformer(tmp_path / "parts", SETTINGS)
    whole, parts = (
        (tmp_path / name / "strokes.safetensors").read_bytes() for name in ("whole", "parts")
    )
    assert whole == parts
    assert len(list((tmp_path / "parts" / "checkpoints").iterdir())) == 1


def test_a_run_becomes_a_folder_that_says_how_far_it_went(tmp_path: Path) -> None:
    train_paint_transformer(tmp_path, SETTINGS.model_copy(update={"steps": 1}))
    provenance = read_rival(tmp_path).provenance
    assert (provenance["steps_done"], provenance["patches_seen"]) == (1, 4)
    _, brushes = load_paint_transformer(tmp_path)
    assert torch.equal(brushes.pictures, oil_brushes())


def test_a_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    PaintTransformerTrainer(SETTINGS).save(tmp_path)
    with pytest.raises(UserError, match="other values of seed, rate"):
        train_paint_transformer(tmp_path, SETTINGS.model_copy(update={"seed": 1, "rate": 1e-3}))


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    trainer = PaintTransformerTrainer(SETTINGS)
    with torch.no_grad():
        trainer.network.linear_decider.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="at step 0: lower the rate"):
        trainer.step()


def test_the_rate_falls_in_the_last_eleventh() -> None:
    shares = [rate_share(done, 220) for done in (0, 199, 200, 205, 210, 219)]
    assert shares == pytest.approx([1, 1, 0.3, 0.09, 0.027, 0.0081])


def test_practice_is_drawn_from_the_generator_alone() -> None:
    brushes = oil_brushes()
    first, again, other = (
        random_practice(4, brushes, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first.after, again.after)
    assert not torch.equal(first.after, other.after)
    assert first.before.shape == (4, 3, 32, 32)
    assert first.counts[:, 0].all()


def test_brushes_are_one_dab_with_two_directions_of_streaks() -> None:
    higher, wider = oil_brushes()[:, 0]
    assert torch.equal(higher > 0, wider > 0)
    assert float((higher > 0).float().mean()) == pytest.approx(0.566, abs=0.01)
    for brush in (higher, wider):
        assert float(brush[brush > 0].mean()) == pytest.approx(231 / 255, abs=0.01)
    inner = (slice(100, 280), slice(120, 300))
    across, along = (higher[inner].diff(dim=axis).abs().mean() for axis in (1, 0))
    assert across > 3 * along
    across, along = (wider[inner].diff(dim=axis).abs().mean() for axis in (1, 0))
    assert along > 3 * across
