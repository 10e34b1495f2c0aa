"""Folders of films: splits, manifest, reruns, and the command line."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.conventions.errors import UserError
from ingest.studio.corpus import film_paintings, manifest, plan_films, resolve_config
from ingest.studio.settings import StudioConfig

TINY = StudioConfig(side_px=64, fps=4, seconds=4.0)


def studio(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingest.studio", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("count", "num_val"), [(1, 0), (2, 0), (3, 1), (6, 1), (12, 2)])
def test_the_last_films_are_for_validation(count: int, num_val: int) -> None:
    splits = [film.split for film in plan_films(4, count, TINY)]
    assert splits == ["train"] * (count - num_val) + ["val"] * num_val


def test_manifest_is_what_ingest_takes() -> None:
    rows = list(csv.DictReader(io.StringIO(manifest(plan_films(4, 3, TINY), TINY).decode())))
    assert list(rows[0]) == ["uri", "painting", "licence", "source", "split"]
    assert rows[0]["uri"] == "studio-tripod-00004.mp4"
    assert rows[0]["licence"] == "CC0-1.0"
    fast = TINY.model_copy(update={"speed": 15.0})
    rows = list(csv.DictReader(io.StringIO(manifest(plan_films(4, 3, fast), fast).decode())))
    assert rows[0]["speed"] == "15"


def test_options_win_over_set() -> None:
    config = resolve_config(
        None, ["studio.fps=6", "studio.seconds=9"], {"fps": 10, "seconds": None}
    )
    assert (config.fps, config.seconds) == (10, 9.0)


def test_unknown_profile_and_key_are_one_line() -> None:
    with pytest.raises(UserError, match=r"studio\.profile"):
        resolve_config(None, [], {"profile": "drone"})
    with pytest.raises(UserError, match=r"studio\.colour"):
        resolve_config(None, ["studio.colour=1"], {})


def test_an_edited_manifest_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    film_paintings(3, 1, TINY, tmp_path)
    (tmp_path / "studio-tripod-00004.mp4").write_bytes(b"a film")
    film_paintings(3, 2, TINY, tmp_path)
    assert not list(tmp_path.glob("*.old.csv")), "a manifest of another count was not edited"
    path = tmp_path / "manifest.csv"
    path.write_text(path.read_text().replace("CC0-1.0", "CC-BY-4.0"))
    edited = path.read_bytes()
    film_paintings(3, 2, TINY, tmp_path)
    assert [copy.read_bytes() for copy in tmp_path.glob("manifest.*.old.csv")] == [edited]
    assert path.read_bytes() == manifest(plan_films(3, 2, TINY), TINY)


def test_a_rerun_films_nothing_and_another_config_is_refused(tmp_path: Path) -> None:
    first = film_paintings(3, 1, TINY, tmp_path)
    video = tmp_path / "studio-tripod-00003.mp4"
    stamp = video.stat().st_mtime_ns
    again = film_paintings(3, 1, TINY, tmp_path)
    assert (first["filmed"], again["filmed"]) == (1, 0)
    assert video.stat().st_mtime_ns == stamp
    assert {p.name for p in tmp_path.iterdir()} == {
        video.name, "studio-tripod-00003.truth", "manifest.csv", "studio.yaml"
    }  # fmt: skip
    with pytest.raises(UserError, match="another config"):
        film_paintings(3, 1, TINY.model_copy(update={"fps": 5}), tmp_path)


def test_help_is_quick_and_dry_run_writes_nothing(tmp_path: Path) -> None:
    start = time.perf_counter()
    assert studio("--help").returncode == 0
    assert time.perf_counter() - start < 2.0
    done = studio("--seed", "2", "--count", "3", "-o", str(tmp_path / "x"), "--dry-run")
    assert done.returncode == 0
    assert "studio-tripod-00004.mp4" in done.stdout
    assert "side_px: 512" in done.stdout
    assert not (tmp_path / "x").exists()


def test_wrong_profile_exits_with_one_line(tmp_path: Path) -> None:
    done = studio("--profile", "drone", "-o", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "studio.profile" in done.stderr


def test_json_result(tmp_path: Path) -> None:
    options = ["--side", "64", "--fps", "4", "--seconds", "4", "--json", str(tmp_path / "r.json")]
    done = studio("--seed", "1", "-o", str(tmp_path / "films"), *options)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert result["filmed"] == 1
    assert result["films"] == [{"name": "studio-tripod-00001", "seed": 1, "split": "train"}]


def test_out_is_output_and_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    options = ["--profile", "hard", "--seed", "3", "--dry-run"]
    done = studio(*options, "--out", str(tmp_path / "x"))
    assert f"{tmp_path / 'x'}/studio-hard-00003.mp4" in done.stdout
    done = studio(*options)
    assert done.returncode == 2
    assert "say -o FOLDER" in done.stderr
    assert "others" in studio("--help").stdout
