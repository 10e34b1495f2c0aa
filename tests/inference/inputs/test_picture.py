"""Reading of pictures of every mode and size, and errors for files that are no pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from inference.inputs.picture import PictureConfig, find_pictures, load_picture
from ingest.conventions.errors import UserError

CONFIG = PictureConfig(max_side_px=256, min_side_px=16)


def gradient(height: int = 48, width: int = 64) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * x / width, 255 * y / height, 128 + 0 * x], axis=2).astype(np.uint8)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


MODES = ("RGB", "L", "P", "1", "CMYK", "LA", "RGBA", "I;16", "I", "F", "LAB")


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_read(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(gradient())
    if mode == "I;16":
        deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
        image = Image.fromarray(deep)
    elif mode == "LAB":
        profile, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, profile, lab, outputMode="LAB")
        assert image is not None
    else:
        image = image.convert(mode)
    suffix = "png" if mode in ("RGB", "L", "P", "1", "LA", "RGBA", "I;16") else "tif"
    picture = load_picture(saved(tmp_path / f"a.{suffix}", image), CONFIG)
    assert picture.image.shape == (48, 64, 3)
    assert picture.image.dtype == np.uint8
    # Left is darker than right in every mode: nothing was cut to black or white.
    left, right = picture.image[:, :8].mean(), picture.image[:, -8:].mean()
    assert right - left > 30


def test_rgb_pixels_stay_exactly(tmp_path: Path) -> None:
    picture = load_picture(saved(tmp_path / "a.png", Image.fromarray(gradient())), CONFIG)
    assert np.array_equal(picture.image, gradient())
    assert picture.notes == ()
    assert picture.original_size_px == (64, 48)


def test_deep_grey_keeps_its_tones(tmp_path: Path) -> None:
    deep = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    picture = load_picture(saved(tmp_path / "a.png", Image.fromarray(deep)), CONFIG)
    assert picture.image[0, 0, 0] == 0
    assert picture.image[0, -1, 0] == 255
    assert abs(int(picture.image[0, 32, 0]) - 129) <= 1


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    layer = np.dstack([gradient(), np.zeros((48, 64), np.uint8)])
    layer[:24, :, 3] = 255
    picture = load_picture(saved(tmp_path / "a.png", Image.fromarray(layer)), CONFIG)
    assert (picture.image[24:] == 255).all()
    assert np.array_equal(picture.image[:24], gradient()[:24])
    assert any("transparent" in note for note in picture.notes)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = np.zeros((40, 60, 3), np.uint8)
    image[:20, :30] = 255
    path = saved(tmp_path / "a.png", Image.fromarray(image), exif=exif)
    picture = load_picture(path, CONFIG)
    is_on_its_side = orientation >= 5
    assert picture.image.shape[:2] == ((60, 40) if is_on_its_side else (40, 60))
    assert picture.original_size_px == ((40, 60) if is_on_its_side else (60, 40))
    top, left = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1),
                 8: (1, 0)}[orientation]  # fmt: skip
    height, width = picture.image.shape[:2]
    corner = picture.image[-1 if top else 0, -1 if left else 0]
    assert (corner == 255).all()
    assert picture.image[height // 2 - 1 + top, width // 2 - 1 + left].min() == 255


def test_colour_profile_is_honoured(tmp_path: Path) -> None:
    """A profile with red and green swapped would show if it were ignored."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    image = Image.new("RGB", (64, 48), (200, 40, 40))
    path = saved(tmp_path / "a.jpg", image, icc_profile=lab.tobytes())
    picture = load_picture(path, CONFIG)
    assert any("profile" in note for note in picture.notes), "an unusable profile is told"
    assert picture.image[20, 20, 0] > 150


def test_large_and_small_are_scaled(tmp_path: Path) -> None:
    large = load_picture(saved(tmp_path / "l.jpg", Image.new("RGB", (3000, 2000))), CONFIG)
    assert large.image.shape == (171, 256, 3)
    assert large.original_size_px == (3000, 2000)
    small = load_picture(saved(tmp_path / "s.png", Image.new("RGB", (8, 12))), CONFIG)
    assert small.image.shape == (24, 16, 3)
    assert "scaled from 8 x 12" in small.notes[0]


def test_animation_gives_its_first_image(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 48), (value, 0, 0)) for value in (250, 10)]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    picture = load_picture(path, CONFIG)
    assert picture.image[0, 0, 0] > 240
    assert "2 images" in picture.notes[0]


def truncated_jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="JPEG")
    return buffer.getvalue()[:4000]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"not a picture at all", "no picture"),
        (truncated_jpeg(), "is damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "no picture"),
    ],
)
def test_broken_files_get_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(UserError, match=says) as raised:
        load_picture(path, CONFIG)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


@given(st.binary(max_size=300))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wild_bytes_never_raise_anything_else(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "wild.png"
    path.write_bytes(data)
    with pytest.raises(UserError):
        load_picture(path, CONFIG)


def test_impossible_sizes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least 4 x 4"):
        load_picture(saved(tmp_path / "a.png", Image.new("L", (3, 50))), CONFIG)
    with pytest.raises(UserError, match="crop it"):
        load_picture(saved(tmp_path / "b.png", Image.new("L", (900, 50))), CONFIG)


def test_find_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "deeper.png").mkdir()
    found = find_pictures([tmp_path, tmp_path / "b.png", tmp_path / "notes.txt"])
    assert [path.name for path in found] == ["a.JPG", "b.png", "notes.txt"]
    with pytest.raises(UserError, match="not found"):
        find_pictures([tmp_path / "missing.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no picture"):
        find_pictures([tmp_path / "empty"])
    with pytest.raises(UserError, match="is a folder"):
        load_picture(tmp_path, CONFIG)
