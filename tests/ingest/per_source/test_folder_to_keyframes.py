"""Keyframe folders: bytes unchanged, times of the names or the CSV, clear refusals."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from ingest.format.dataset import Dataset
from ingest.format.images import encode_image, image_size
from ingest.format.picture_files import plain_format
from ingest.ledger.outcome import StoredKeyframe, VideoOutcome, read_keyframes
from ingest.per_source.folder_to_keyframes import parse_official_name
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow

CONFIG = IngestConfig.model_validate({"keyframes": {"side_px": 64}})


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera stores an upright picture, by the orientation that it writes beside it."""


def ingest(folder: Path, root: Path, **row: object) -> VideoOutcome:
    return make_ingest_video(CONFIG, root)(SourceRow(uri=str(folder), **row))  # pyright: ignore


def picture(seed: int, size: tuple[int, int] = (64, 80)) -> bytes:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (8, 10, 3), dtype=np.uint8)
    return encode_image(cv2.resize(coarse, size[::-1]), "jpg")


@pytest.fixture
def official(tmp_path: Path) -> Path:
    folder = tmp_path / "example"
    folder.mkdir()
    for seed, name in enumerate(["1_0:15", "2_0:40", "3_1:12", "4_1:02:03"]):
        (folder / f"{name}.jpg").write_bytes(picture(seed))
    targets = {"4_1:02:03.jpg": ["1_0:15.jpg", "2_0:40.jpg", "3_1:12.jpg"]}
    (folder / "last_aligned_frame_inv.json").write_text(json.dumps(targets))
    return folder


def test_the_official_layout_is_stored_byte_by_byte(official: Path, tmp_path: Path) -> None:
    outcome = ingest(official, tmp_path / "d")
    stored = read_keyframes(Dataset(tmp_path / "d"), outcome.video_id)
    assert [s.keyframe.time_s for s in stored] == [15, 40, 72, 3723]
    assert [s.data for s in stored] == [picture(seed) for seed in range(4)]
    assert [s.keyframe.target for s in stored] == [3, 3, 3, 3]
    assert outcome.status == "kept"
    assert outcome.span_s == (15, 3723)


def test_several_targets_keep_their_pictures(official: Path, tmp_path: Path) -> None:
    targets = {"2_0:40.jpg": ["1_0:15.jpg"], "4_1:02:03.jpg": ["3_1:12.jpg"]}
    (official / "last_aligned_frame_inv.json").write_text(json.dumps(targets))
    outcome = ingest(official, tmp_path / "d")
    stored = read_keyframes(Dataset(tmp_path / "d"), outcome.video_id)
    assert [s.keyframe.target for s in stored] == [1, 1, 3, 3]


def test_times_from_a_csv_and_scaled_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "stages"
    folder.mkdir()
    for seed, name in enumerate(["a.jpg", "b.jpg"]):
        (folder / name).write_bytes(picture(seed, (128, 160)))
    times = tmp_path / "t.csv"
    times.write_text("file,time_s\nb.jpg,20\na.jpg,5\n")
    outcome = ingest(folder, tmp_path / "d", times=str(times), speed=2.0)
    stored = read_keyframes(Dataset(tmp_path / "d"), outcome.video_id)
    assert [s.keyframe.time_s for s in stored] == [10, 40]
    assert stored[0].image().shape == (64, 80, 3)
    assert outcome.warnings == ("resized: 2 pictures were scaled or cropped to fit",)


def ingest_pair(folder: Path, names: list[str], root: Path) -> list[StoredKeyframe]:
    """The keyframes of two pictures in a folder."""
    rows = [f"{name},{second}" for second, name in enumerate(names)]
    (folder / "times.csv").write_text("\n".join(["file,time_s", *rows]) + "\n")
    outcome = ingest(folder, root)
    assert outcome.status == "kept", outcome.detail
    return read_keyframes(Dataset(root), outcome.video_id)


GROUND = (200, 40, 90)
"""Colour of the left half of the test pictures, whose right half is white."""


def half_painted(size: tuple[int, int] = (80, 64)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    image.paste(GROUND, (0, 0, size[0] // 2, size[1]))
    return image


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_and_mirrored_pictures_are_stored_upright(tmp_path: Path, orientation: int) -> None:
    upright = half_painted()
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright.transpose(TURNS[orientation]).save(tmp_path / "lying.jpg", quality=95, exif=exif)
    upright.save(tmp_path / "upright.jpg", quality=95)
    lying, other = ingest_pair(tmp_path, ["lying.jpg", "upright.jpg"], tmp_path / "d")
    assert image_size(lying.data) == (64, 80)
    # Other readers do not look at the tag.
    stored = np.asarray(Image.open(io.BytesIO(lying.data)))
    assert np.abs(stored.astype(int) - np.asarray(upright)).mean() < 1
    assert other.data == (tmp_path / "upright.jpg").read_bytes()


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P", "CMYK", "L", "1", "I;16", "tRNS", "HEIC"])
def test_pictures_of_any_kind_become_rgb_on_white(tmp_path: Path, kind: str) -> None:
    image, name, expected = half_painted(), "a.png", GROUND
    if kind in ("RGBA", "LA"):
        image = image.convert(kind)
        image.putalpha(Image.new("L", image.size, 255))
        image.paste((0,) * len(kind), (40, 0, 80, 64))  # hidden black
    elif kind == "CMYK":
        image, name = image.convert("CMYK"), "a.jpg"
    elif kind == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif kind == "HEIC":
        pillow_heif.register_heif_opener()
        name = "a.heic"
    elif kind != "tRNS":
        image = image.convert(kind)
    options = {"transparency": (255, 255, 255)} if kind == "tRNS" else {}
    image.save(tmp_path / name, quality=95, **options)
    half_painted().save(tmp_path / "b.png")
    first, _ = ingest_pair(tmp_path, [name, "b.png"], tmp_path / "d")
    with Image.open(io.BytesIO(first.data)) as stored:
        assert (stored.mode, stored.size) == ("RGB", (80, 64))
    if kind in ("LA", "L", "I;16"):
        expected = (half_painted().convert("L").getpixel((0, 0)),) * 3  # pyright: ignore
    elif kind == "1":
        expected = None
    assert np.abs(first.image()[:, 44:].astype(int) - 255).max() <= 12
    if expected is not None:
        assert np.abs(first.image()[4:-4, 4:36].mean((0, 1)) - expected).max() < 6


def test_only_files_without_another_colour_profile_are_plain(tmp_path: Path) -> None:
    for name, profile in (("srgb", "sRGB"), ("lab", "LAB")):
        data = ImageCms.ImageCmsProfile(ImageCms.createProfile(profile)).tobytes()  # pyright: ignore
        half_painted().save(tmp_path / f"{name}.png", icc_profile=data)
    with Image.open(tmp_path / "srgb.png") as image:
        assert plain_format(image, (tmp_path / "srgb.png").read_bytes()) == "png"
    with Image.open(tmp_path / "lab.png") as image:
        assert plain_format(image, (tmp_path / "lab.png").read_bytes()) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("file,time_s\na.jpg,5\n", "too-short"),
        ("file,seconds\na.jpg,5\n", "bad-times"),
        ("file,time_s\na.jpg,soon\nb.jpg,3\n", "bad-times"),
        ("file,time_s\na.jpg,-5\nb.jpg,3\n", "bad-times"),
        ("file,time_s\na.jpg,5\nb.jpg,5\n", "bad-times"),
        ("file,time_s\na.jpg,5\nz.jpg,6\n", "bad-times"),
        ("file,time_s\na.jpg,5\nbroken.jpg,6\n", "bad-picture"),
        ("file,time_s\na.jpg,5\nwide.jpg,6\n", "bad-picture"),
        (None, "no-times"),
    ],
)
def test_what_cannot_be_used_says_why(tmp_path: Path, content: str | None, reason: str) -> None:
    folder = tmp_path / "stages"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(picture(0))
    (folder / "b.jpg").write_bytes(picture(1))
    (folder / "wide.jpg").write_bytes(picture(1, (64, 200)))
    (folder / "broken.jpg").write_bytes(b"no picture")
    if content is not None:
        (folder / "times.csv").write_text(content)
    outcome = ingest(folder, tmp_path / "d")
    assert (outcome.status, outcome.reason) == ("refused", reason)
    assert outcome.detail
    assert "\n" not in outcome.detail


@pytest.mark.parametrize(
    ("stem", "seconds"), [("1_0:15", 15), ("12_10:05", 605), ("3_1:02:03", 3723), ("7_0:03.5", 3.5)]
)
def test_official_names(stem: str, seconds: float) -> None:
    assert parse_official_name(stem)[1] == seconds


@pytest.mark.parametrize("stem", ["frame", "1-0:15", "1_15", "1_0:5", ""])
def test_other_names_are_refused(stem: str) -> None:
    with pytest.raises(ValueError, match="NUMBER_M:SS"):
        parse_official_name(stem)


@pytest.mark.real
def test_the_authors_sample(real_folder: Path, tmp_path: Path) -> None:
    folder = real_folder / "keyframes/inverse_painting_sample/sample_data/train/rgb/example"
    outcome = make_ingest_video(IngestConfig(), tmp_path)(SourceRow(uri=str(folder)))
    stored = read_keyframes(Dataset(tmp_path), outcome.video_id)
    assert [s.keyframe.time_s for s in stored] == [15, 40, 53, 72, 88, 118, 139, 156, 163, 201]
    assert {s.image().shape for s in stored} == {(512, 640, 3)}
    assert stored[0].data == (folder / "1_0:15.jpg").read_bytes()
