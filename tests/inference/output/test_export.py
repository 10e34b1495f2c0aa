"""Film, GIF, frames and contact sheet, written and read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from inference.output.contact_sheet import write_contact_sheet
from inference.output.export import ExportConfig, write_film, write_frames, write_gif
from inference.output.frames import canvases, clock
from inference.output.own_files import remove_painted_frames
from inference.output.session import Session
from ingest.format.images import decode_image, encode_image
from ingest.format.tar import write_tar

CONFIG = ExportConfig(fps=12, hold_s=0.25, fade_s=0.25, final_hold_s=1.0)


def test_film(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "a.mp4"
    write_film(path, session.samples, CONFIG)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
        duration_s = float(container.duration or 0) / 1e6
    assert len(frames) == 4 * (3 + 3) + 12
    assert duration_s == pytest.approx(len(frames) / 12, abs=0.02)
    assert frames[0].mean() > 250, "it starts on the white canvas"
    error = np.abs(frames[-1].astype(int) - session.samples[-1].target)
    assert error.mean() < 4, "it ends on the finished picture, in its own colours"
    assert np.abs(error.mean(axis=(0, 1))).max() < 5


def test_film_of_odd_sides_and_equal_bytes(tmp_path: Path, session: Session) -> None:
    odd = [_cropped(sample, height=95, width=127) for sample in session.samples]
    write_film(tmp_path / "a.mp4", odd, CONFIG)
    write_film(tmp_path / "b.mp4", odd, CONFIG)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (128, 96)


def _cropped(sample: Any, height: int, width: int) -> Any:
    import dataclasses

    fields = ("current", "next", "target")
    cut = {name: getattr(sample, name)[:height, :width].copy() for name in fields}
    return dataclasses.replace(sample, **cut)


def test_gif(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "a.gif"
    write_gif(path, session.samples, ExportConfig(gif_side_px=64, hold_s=0.4, fade_s=0.2))
    with Image.open(path) as image:
        assert image.size == (64, 48)
        assert getattr(image, "n_frames", 1) == 5
        assert image.info["duration"] == 600
        image.seek(4)
        assert image.info["duration"] == 3000
        last = np.asarray(image.convert("RGB")).astype(int)
    small = np.asarray(Image.fromarray(session.samples[-1].target).resize((64, 48))).astype(int)
    assert np.abs(last - small).mean() < 8


def test_frames_replace_those_of_a_longer_painting(tmp_path: Path, session: Session) -> None:
    encoded = [
        (s.key, {"current.png": encode_image(s.current, "png"),
                 "next.png": encode_image(s.next, "png")})
        for s in session.samples
    ]  # fmt: skip
    folder = tmp_path / "frames"
    write_frames(folder, encoded)
    assert len(list(folder.iterdir())) == 5
    (folder / "my notes.png").write_bytes(b"not ours")
    (folder / "004.png").write_bytes(b"not ours either")
    write_tar(tmp_path / "steps.tar", encoded)
    remove_painted_frames(folder, tmp_path / "steps.tar")
    write_frames(folder, encoded[:2])
    ours = ["000.png", "001.png", "002.png"]
    assert sorted(p.name for p in folder.iterdir()) == [*ours, "004.png", "my notes.png"]
    assert decode_image((folder / "000.png").read_bytes()).min() == 255


def test_sheet_has_a_tile_for_every_canvas(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "sheet.png"
    write_contact_sheet(path, session.samples)
    with Image.open(path) as image:
        assert image.width > 400
        sheet = np.asarray(image)
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 500
    assert len(canvases(session.samples)) == 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (20, "0:20"), (80, "1:20"), (999.6, "16:40"), (3605, "1:00:05")],
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
