"""Atomic writes, reproducible tars, lossless masks, JPEG quality."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.conventions.atomic import (
    atomic_file,
    atomic_folder,
    remove_stale_temporaries,
    temporary_name,
    write_bytes,
    write_json,
)
from ingest.conventions.errors import Refusal, UserError, reading_error, storage_error
from ingest.format.images import (
    decode_image,
    decode_mask,
    encode_image,
    encode_mask,
    resize_short_side,
)
from ingest.format.tar import read_tar, write_tar
from ingest.format.tar_header import read_header

SAMPLES = [("a-1", {"jpg": b"one", "json": b"{}"}), ("b-2", {"current.jpg": b"two", "json": b""})]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_file(tmp_path / "x") as file:
            file.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
    write_bytes(tmp_path / "x", b"old")
    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "x").read_bytes() == b"old"


def test_json_is_sorted_and_strict(tmp_path: Path) -> None:
    write_json(tmp_path / "x", {"b": 1, "a": "ü"})
    assert (tmp_path / "x").read_text(encoding="utf-8") == '{\n "a": "ü",\n "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x", {"a": float("nan")})


def test_only_temporaries_of_the_dead_are_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    here = socket.gethostname().replace(".", "-")
    dead = tmp_path / "k" / f".x.tar.{gone.pid}@{here}.tmp"
    dead.parent.mkdir()
    mine = tmp_path / f".y.tar.{os.getpid()}@{here}.tmp"
    elsewhere = tmp_path / f".z.tar.{gone.pid}@another.tmp"
    for path in (dead, mine, elsewhere):
        path.touch()
    assert remove_stale_temporaries(tmp_path) == 1
    assert sorted(tmp_path.glob(".*")) == [mine, elsewhere]
    os.utime(elsewhere, (0, 0))
    assert remove_stale_temporaries(tmp_path) == 1
    assert list(tmp_path.glob(".*")) == [mine]


def test_a_killed_write_is_known_by_its_name(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from ingest.conventions.atomic import atomic_file\n"
        "with atomic_file(Path(sys.argv[1])) as file: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.tar")]
    subprocess.run(command, cwd=Path(__file__).parents[3], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert remove_stale_temporaries(tmp_path) == 1


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "made"
    with atomic_folder(place) as folder:
        (folder / "old").touch()

    def fill_the_disk() -> None:
        with atomic_folder(place) as folder:
            (folder / "new").touch()
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fill_the_disk()
    assert [p.name for p in place.iterdir()] == ["old"]
    with atomic_folder(place) as folder:
        (folder / "new").touch()
        assert [p.name for p in place.iterdir()] == ["old"]
    assert [p.name for p in place.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)]
)
def test_files_of_a_folder_get_the_modes_of_the_umask(
    umask: int, file: int, folder: int, tmp_path: Path
) -> None:
    """safetensors writes files that only their owner may read."""
    before = os.umask(umask)
    try:
        with atomic_folder(tmp_path / "made") as made:
            (made / "inner").mkdir(mode=0o700)
            (made / "inner" / "weights").touch(mode=0o600)
    finally:
        os.umask(before)
    inner = tmp_path / "made" / "inner"
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (inner / "weights", inner)]
    assert modes == [file, folder]


def test_a_full_disk_told_in_words_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as raised, atomic_folder(tmp_path / "made"):
        raise ValueError("serializing: I/O error: No space left on device (os error 28)")
    assert storage_error(raised.value, "") is not None
    with pytest.raises(OSError, match="made/x'"), atomic_folder(tmp_path / "made") as folder:
        raise OSError(28, "No space left on device", str(folder / "x"))
    with pytest.raises(ValueError, match="another"), atomic_folder(tmp_path / "made"):
        raise ValueError("another error")


def test_a_killed_folder_is_removed_and_others_are_not(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    killed = tmp_path / temporary_name(Path("x")).name.replace(str(os.getpid()), str(gone.pid))
    (killed / "inner").mkdir(parents=True)
    (tmp_path / ".notes.tmp").mkdir()
    assert remove_stale_temporaries(tmp_path) == 1
    assert [p.name for p in tmp_path.iterdir()] == [".notes.tmp"]


def test_equal_samples_make_equal_tars(tmp_path: Path) -> None:
    first, second = tmp_path / "1.tar", tmp_path / "2.tar"
    assert write_tar(first, SAMPLES) == 2
    os.utime(first, (0, 0))
    write_tar(second, iter(SAMPLES))
    assert first.read_bytes() == second.read_bytes()
    assert list(read_tar(first)) == SAMPLES


@pytest.mark.parametrize("keys", [("a", "a"), ("a.b",), ("",)])
def test_keys_that_cannot_be_read_back_are_refused(tmp_path: Path, keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="unique key"):
        write_tar(tmp_path / "x.tar", [(key, {"json": b""}) for key in keys])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 100, 700, 1100, 2000])
def test_a_cut_tar_is_named(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.tar"
    write_tar(path, SAMPLES)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=r"x\.tar"):
        list(read_tar(path))
    with pytest.raises(UserError, match="not found"):
        list(read_tar(tmp_path / "absent.tar"))


@given(
    st.sampled_from(["a.json", "é.jpg", "x" * 99, "x" * 100, "a/" + "b" * 98]),
    st.integers(0, 8**11 - 1),
    st.integers(0, 511),
    st.integers(0, 255),
)
def test_a_header_is_read_as_tarfile_reads_it(name: str, size: int, at: int, byte: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    whole = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")
    assert read_header(whole) == (name, size, tarfile.REGTYPE)
    header = whole[:at] + bytes([byte]) + whole[at + 1 :]
    try:
        expected = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        with pytest.raises(tarfile.HeaderError):
            read_header(header)
    else:
        assert read_header(header)[:2] == (expected.name, expected.size)


def test_tars_of_other_programs_are_read(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    long = "a" * 120
    for name in ("a.jpg", f"{long}.json"):
        (tmp_path / "in" / name).write_bytes(name.encode())
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("a.jpg", "deep", f"{long}.json"):
            tar.add(tmp_path / "in" / name, name)
    found = [("a", {"jpg": b"a.jpg"}), (long, {"json": f"{long}.json".encode()})]
    assert list(read_tar(tmp_path / "x.tar")) == found


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**31))
def test_masks_and_png_are_lossless(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < 0.5
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode_image(encode_image(image, "png")), image)


def test_jpeg_keeps_colour_edges() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, ::2, 0] = 255
    error = np.abs(decode_image(encode_image(image, "jpg")).astype(int) - image).mean()
    assert error < 4, "chroma was subsampled"


def test_wrong_images_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        encode_image(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match="bool"):
        encode_mask(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match="not a readable"):
        decode_image(b"")


@given(st.integers(1, 300), st.integers(1, 300))
def test_short_side_is_exact(height: int, width: int) -> None:
    scaled = resize_short_side(np.zeros((height, width, 3), np.uint8), 64)
    assert min(scaled.shape[:2]) == 64


def test_what_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it is a folder on the way; tests may run as root, who may read everything."""
    file = tmp_path / "painter" / "weights"
    file.parent.mkdir()
    file.touch()
    denied = OSError(13, "Permission denied", str(file))
    for closed in (file, file.parent):

        def access(path: Path, mode: int, closed: Path = closed) -> bool:
            return mode == os.F_OK or path != closed

        monkeypatch.setattr(os, "access", access)
        assert f"{closed} may not be read" in str(reading_error(denied, ""))
        assert storage_error(denied, "") is None
    assert reading_error(OSError(28, "full", str(file)), "") is None


def test_storage_errors_and_refusals() -> None:
    import pickle

    told = storage_error(OSError(28, "No space left on device", "/out/x"), "/out")
    assert told is not None
    assert "/out/x: the disk is full" in str(told)
    assert storage_error(OSError(2, "absent"), "/out") is None
    copying = OSError(28, "No space left on device", "/in/x", None, "/out/x")
    assert "cannot write /out/x" in str(storage_error(copying, "/out"))
    assert "cannot write /out/x" in str(storage_error(OSError(13, "denied", "/out/x"), "/out"))
    back = pickle.loads(pickle.dumps(Refusal("reason", "detail")))
    assert (back.reason, back.detail) == ("reason", "detail")
