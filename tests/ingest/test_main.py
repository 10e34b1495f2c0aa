"""The command line: exit codes, one-line errors, plans, and the page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest import pipeline
from ingest.conventions.config import load_section
from ingest.execution.tasks import Finished
from ingest.run import intake
from ingest.settings import IngestConfig

ROOT = Path(__file__).resolve().parents[2]


def command(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingest", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["/nowhere", "-o", "{tmp}"], "/nowhere not found"),
        (["{tmp}", "-o", "{tmp}/d"], "holds no video"),
        (["{tmp}/v.mp4", "-o", "{tmp}/d", "--set", "ingest.decode.fsp=1"], "ingest.decode.fsp"),
        (["report", "{tmp}"], "is no dataset"),
        (["report", "{tmp}/train-{000000..000012}.tar"], "is a pattern, expected the folder of"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(tmp_path: Path, words: list[str], message: str) -> None:
    if "v.mp4" in words[0]:
        (tmp_path / "v.mp4").touch()
    done = command(*(word.replace("{tmp}", str(tmp_path)) for word in words))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_name_that_the_terminal_cannot_show_is_printed_with_escapes(tmp_path: Path) -> None:
    (tmp_path / "été.mp4").touch()
    with open(os.fsencode(tmp_path) + b"/\xe9.mp4", "wb"):
        pass
    done = subprocess.run(
        [sys.executable, "-m", "ingest", str(tmp_path), "-o", str(tmp_path / "d"), "--dry-run"],
        cwd=ROOT, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert rb"\xe9t\xe9.mp4" in done.stdout
    assert rb"skip " + os.fsencode(tmp_path) + rb"/\udce9.mp4: its name is no UTF-8" in done.stdout


def test_dry_run_prints_config_and_plan_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    done = command(tmp_path, "-o", tmp_path / "d", "--dry-run", "--set", "ingest.decode.fps=3")
    assert done.returncode == 0, done.stderr
    assert "fps: 3.0" in done.stdout
    assert f"plan: 1 sources into {tmp_path / 'd'}" in done.stdout
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["report", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['ingest', *{words!r}]\n"
        "from ingest.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'numpy', 'cv2', 'pandas', 'ray', 'av', 'decord', 'torch', 'ingest.config'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.ray
def test_killed_and_run_again_gives_the_bytes_of_an_undisturbed_run(
    odd_files: Path, film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole command on a real local Ray: killed in mid-run, run again, and compared with a
    run that knows no Ray at all."""
    videos = tmp_path / "videos"
    shutil.copytree(odd_files, videos)
    for number in range(2):
        # More films of other content: bytes after the end do not change what is decoded.
        data = film.path.read_bytes() + b"\0\0\0\x0cfree" + bytes([number] * 4)
        (videos / f"film-{number}.mp4").write_bytes(data)
    settings = [
        "decode.min_frames=60", "align.side_px=240", "occlusion.side_px=96",
        "keyframes.side_px=120", "keyframes.target_count=8",
    ]  # fmt: skip
    overrides = [word for s in settings for word in ("--set", f"ingest.{s}")]
    killed = tmp_path / "killed" / "d"
    run = subprocess.Popen(
        [sys.executable, "-m", "ingest", str(videos), "-o", str(killed), *overrides],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not list(killed.glob("keyframes/*.json")) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        run.kill()
        run.wait()
    assert not (killed / "videos.parquet").exists(), "it was done before it could be killed"
    again = command(videos, "-o", killed, *overrides, "--json", tmp_path / "result.json")
    assert again.returncode == 0, again.stderr
    config = load_section("ingest", IngestConfig, None, overrides[1::2])
    monkeypatch.setattr(
        intake, "run_tasks", lambda f, items, *_: (Finished(i, f(i)) for i in items)
    )
    pipeline.run([str(videos)], tmp_path / "whole" / "d", config)
    assert contents(killed) == contents(tmp_path / "whole" / "d")
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["counts"] == {"kept": 3, "refused": 6}
    assert "What became of the input" in again.stdout
    assert "unreadable: " in again.stdout


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent.name != "state"
    }
