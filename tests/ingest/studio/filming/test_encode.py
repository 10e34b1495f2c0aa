"""The mp4 writer: reproducible bytes, colours, frame rate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from ingest.studio.filming.encode import write_mp4

UNTAGGED = 2
"""Colour space of frames whose file names none."""

ENCODE = """
import sys
from pathlib import Path
import numpy as np
from ingest.studio.filming.encode import write_mp4
rng = np.random.default_rng(0)
small = rng.integers(0, 255, (24, 20, 26, 3), dtype=np.uint8)
with write_mp4(Path(sys.argv[1]), (208, 160), 8, 20) as write:
    for image in small:
        write(np.repeat(np.repeat(image, 8, axis=0), 8, axis=1))
"""


def test_bytes_do_not_depend_on_what_was_in_memory(tmp_path: Path) -> None:
    made = []
    for filling in ("0", "1", "170"):
        path = tmp_path / f"{filling}.mp4"
        environment = {**os.environ, "MALLOC_PERTURB_": filling}
        command = [sys.executable, "-c", ENCODE, str(path)]
        subprocess.run(command, check=True, env=environment)
        made.append(path.read_bytes())
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("height", [64, 720])
def test_colours_and_frame_rate_survive(tmp_path: Path, height: int) -> None:
    image = np.zeros((height, 96, 3), np.uint8)
    image[:, :48] = (200, 60, 40)
    image[:, 48:] = (30, 90, 180)
    with write_mp4(tmp_path / "a.mp4", (96, height), 12, 10) as write:
        for _ in range(12):
            write(image)
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = list(container.decode(video=0))
        assert container.streams.video[0].average_rate == 12
    assert len(frames) == 12
    assert frames[5].colorspace == (Colorspace.ITU709 if height >= 720 else UNTAGGED)
    seen = frames[5].to_ndarray(format="rgb24").astype(int)
    assert np.abs(seen[:, 8:40] - (200, 60, 40)).max() < 12
    assert np.abs(seen[:, 56:88] - (30, 90, 180)).max() < 12


def test_a_failed_film_leaves_nothing(tmp_path: Path) -> None:
    try:
        with write_mp4(tmp_path / "a.mp4", (96, 64), 12, 20) as write:
            write(np.zeros((64, 96, 3), np.uint8))
            raise RuntimeError("the painter fell ill")
    except RuntimeError:
        pass
    assert list(tmp_path.iterdir()) == []
