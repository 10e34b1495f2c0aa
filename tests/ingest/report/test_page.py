"""The report: its counts, its selection of videos, and that text never becomes markup."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ingest.format.dataset import Dataset
from ingest.format.images import decode_image, encode_image
from ingest.format.schema import Keyframe
from ingest.ledger.frame_table import FrameFate, drop_counts, read_frames, write_frames
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.source_files import KeptSource, write_outcome, write_unkept, write_video
from ingest.per_source.row_function import make_ingest_video
from ingest.report import page, selection
from ingest.report.cards import MAX_THUMBNAILS
from ingest.report.near_duplicates import MAX_GROUPS, MAX_MEMBERS, NearDuplicates
from ingest.report.page import write_report
from ingest.report.selection import MAX_LISTED, MAX_PICTURED, NUM_DRAWN, select
from ingest.report.timeline import FATES, MAX_COLUMNS, USED, clock, make_timeline, runs
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow
from ingest.video.keyframes.preview import preview

EVIL = "<script>alert('x')</script> \"onmouseover=alert(1) & {{ 7 * 7 }}"


def outcome(number: int, **values: object) -> VideoOutcome:
    fields: dict[str, object] = {
        "video_id": hashlib.sha256(str(number).encode()).hexdigest()[:16],
        "uri": f"film-{number:05d}.mp4",
        "painting_id": "p",
        "status": "kept",
        "num_sampled_frames": 10,
        "num_keyframes": 3,
        "dropped": {"covered": 4},
        "span_s": (1.0, 9.0),
        "duration_s": 10.0,
    }
    return VideoOutcome.model_validate(fields | values)


def fates_of(*reasons: str) -> list[FrameFate]:
    """One frame per second; an empty reason is a used frame."""
    return [FrameFate(i, float(i), r, () if r else (0,)) for i, r in enumerate(reasons)]


def store(dataset: Dataset, number: int, count: int, quality: dict[int, float]) -> VideoOutcome:
    """A kept video with `count` uniform keyframes; `quality` is the measure `passing` of some."""
    base = outcome(number, width_px=64, height_px=48, fps=10.0, num_sampled_frames=count)
    base = base.model_copy(
        update={"dropped": {}, "suspicion": max(quality.values(), default=0.0), "duration_s": 60.0}
    )
    keyframes = [
        Keyframe(
            video_id=base.video_id,
            index=k,
            time_s=float(k),
            target=count - 1,
            quality={"passing": quality.get(k, 0.0)},
        )
        for k in range(count)
    ]
    image = encode_image(np.full((48, 64, 3), 200, np.uint8), "jpg")
    fates = [FrameFate(k, float(k), keyframes=(k,)) for k in range(count)]
    return write_video(
        dataset, KeptSource(base, [(k, "jpg", image) for k in keyframes], None, fates)
    )


@pytest.fixture(scope="module")
def dataset(film, quick: IngestConfig, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    made = Dataset(tmp_path_factory.mktemp("dataset"))
    make_ingest_video(quick, made.root)(SourceRow(str(film.path), licence=EVIL, source=EVIL))
    store(made, 1, MAX_THUMBNAILS + 20, {40: 0.3, 41: 0.1})
    failed = {"status": "failed", "reason": "exception", "detail": EVIL, "uri": EVIL}
    write_unkept(made, outcome(2, **failed))
    write_report(made)
    return made


@pytest.fixture(scope="module")
def html(dataset: Dataset) -> str:
    return dataset.report_html.read_text(encoding="utf-8")


def test_text_is_never_markup(html: str) -> None:
    assert html.count("<script") == 1
    assert "onmouseover=alert(1)" in html
    assert '"onmouseover' not in html
    assert "{{ 7 * 7 }}" in html


def test_only_its_own_script_may_run_and_nothing_is_fetched(html: str) -> None:
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html  # fmt: skip  # noqa: E501
    assert not re.search(r"(?:src|href)=\"(?!#|data:image/webp;base64,)", html)
    assert not re.search(r"url\(|@import|https?://", html)


def test_every_link_has_a_target_and_ids_are_unique(html: str) -> None:
    ids = re.findall(r' id="([^"]*)"', html)
    assert not [name for name, number in Counter(ids).items() if number > 1]
    targets = set(re.findall(r'href="#([^"]*)"', html))
    assert targets <= set(ids)
    assert "reason-exception" in targets


def test_the_most_suspicious_video_comes_first_with_its_suspects(html: str) -> None:
    first, second = (m.start() for m in re.finditer('<section class="card', html))
    assert first < html.index("film-00001.mp4</b>") < second
    gallery = html[html.index('class="gallery"') : html.index('id="videos"')]
    assert [float(x) for x in re.findall(r'mark">([\d.]+) %', gallery)] == [30.0, 10.0]


def test_long_videos_are_sampled_and_say_so(html: str, dataset: Dataset) -> None:
    card = html[html.index('<section class="card') :]
    card = card[: card.index("</section>")]
    shown = [int(k) for k in re.findall(r'class="key[^>]*id="\w+-(\d+)"', card)]
    assert len(shown) == MAX_THUMBNAILS
    assert {0, 40, 41, MAX_THUMBNAILS + 19} <= set(shown)
    assert "and 20 more" in card
    assert f"Of a video up to {MAX_THUMBNAILS} keyframes are pictured" in html
    assert card.count('<a href="#') == MAX_THUMBNAILS
    assert card.count("<a ") == MAX_THUMBNAILS + 20, "every keyframe has a tick on the timeline"


def test_the_timeline_of_a_film_counts_all_frames(html: str, dataset: Dataset, film) -> None:
    (video_id,) = (
        path.stem for path in dataset.keyframes.glob("*.tar") if path.stem != outcome(1).video_id
    )
    card = html[html.index(f'id="{video_id}"') :]
    counts = dict(re.findall(r'<span class="([\w-]+)">[\w-]+ <b>(\d+)</b>', card))
    fates = read_frames(dataset, video_id)
    used = {USED: sum(not fate.reason for fate in fates)}
    assert {k: int(v) for k, v in counts.items()} == drop_counts(fates) | used


def test_the_page_is_the_same_twice(dataset: Dataset) -> None:
    before = dataset.report_html.read_bytes()
    write_report(dataset)
    assert dataset.report_html.read_bytes() == before


def test_pictures_are_left_out_once_the_page_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset(tmp_path)
    for number in range(3):
        store(dataset, number, 3, {})
    monkeypatch.setattr(page, "MAX_PICTURE_BYTES", 1)
    html = write_report(dataset).read_text(encoding="utf-8")
    assert html.count("data:image") == 3, "those of the first video"
    assert html.count('<section class="card') == 3
    assert "The last 2 are without pictures" in html


def test_the_page_states_that_it_shows_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset(tmp_path)
    for number in range(4):
        store(dataset, number, 3, {1: number / 10})
    monkeypatch.setattr(selection, "MAX_PICTURED", 3)
    monkeypatch.setattr(selection, "NUM_DRAWN", 1)
    html = write_report(dataset).read_text(encoding="utf-8")
    assert "the 2 most suspicious of 4 kept videos and 1 drawn at random" in html
    heads = re.findall(r'id="drawn"|film-\d+\.mp4</b>', html)
    assert heads[:3] == ["film-00003.mp4</b>", "film-00002.mp4</b>", 'id="drawn"']
    assert len(heads) == 4


def test_near_duplicates_are_shown_side_by_side(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    first = store(dataset, 0, 3, {})
    for number in range(1, 9):
        duplicate = store(dataset, number, 3, {})
        write_outcome(dataset, duplicate.model_copy(update={"near_duplicate_of": first.video_id}))
    html = write_report(dataset).read_text(encoding="utf-8")
    group = html[html.index('class="gallery twins"') : html.index('id="videos"')]
    assert group.count("<img") == MAX_MEMBERS
    assert group.count(f'href="#{first.video_id}"') == 1
    assert f"and {8 - (MAX_MEMBERS - 1)} more" in group
    assert html.count(f'near-duplicate of <a href="#{first.video_id}"') == 8


def test_groups_of_near_duplicates_are_bounded_and_the_same_in_any_order() -> None:
    pairs = [(f"{g:04d}", f"{g:04d}-{m}") for g in range(300) for m in range(9)]
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(pairs)
        near_duplicates = NearDuplicates()
        for first, member in pairs:
            near_duplicates.add(outcome(0, video_id=member, near_duplicate_of=first))
            assert len(near_duplicates.members) <= 2 * MAX_GROUPS
        found.append(near_duplicates.shown())
    assert found[0] == found[1] == found[2]
    assert found[0][0] == ("0000", [f"0000-{m}" for m in range(MAX_MEMBERS - 1)], 9)
    assert len(found[0]) == MAX_GROUPS
    assert near_duplicates.num_videos == 2700


def test_failures_come_before_refusals() -> None:
    outcomes = [
        outcome(1, status="refused", reason="missing"),
        outcome(2, status="failed", reason="timeout"),
    ]
    assert [o.status for o in select(outcomes).unkept] == ["failed", "refused"]


def test_a_dataset_without_sources_has_a_report(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    dataset.keyframes.mkdir()
    assert "All 0 kept videos" in write_report(dataset).read_text(encoding="utf-8")


def test_runs_fill_the_video_and_join_equal_neighbours() -> None:
    found = runs(fates_of("before-painting", "", "", "covered", "covered"), 10.0)
    assert [(r.start_s, r.end_s, r.fate) for r in found] == [
        (0.0, 0.5, "before-painting"),
        (0.5, 2.5, USED),
        (2.5, 10.0, "covered"),
    ]


def test_a_timeline_has_a_bounded_number_of_columns() -> None:
    reasons = ["covered" if i % 2 else "" for i in range(20 * MAX_COLUMNS)]
    strip = make_timeline(fates_of(*reasons[:MAX_COLUMNS]), 0.0)
    assert len(strip.runs.split()) == MAX_COLUMNS
    crowded = make_timeline(fates_of(*reasons), 0.0)
    assert len(crowded.runs.split()) <= MAX_COLUMNS
    assert crowded.counts == [(USED, 10 * MAX_COLUMNS), ("covered", 10 * MAX_COLUMNS)]


@pytest.mark.parametrize("duration_s", [0.4, 7, 61, 600, 5000, 90_000])
def test_labels_are_few_and_stay_inside(duration_s: float) -> None:
    strip = make_timeline(fates_of("", ""), duration_s)
    shares = [label.share for label in strip.labels]
    assert shares[0] == 0
    assert all(0 <= share <= 0.96 for share in shares)
    assert 1 <= len(shares) <= 8
    assert len({label.label for label in strip.labels}) == len(shares)


def test_times_are_written_in_words() -> None:
    assert [clock(t) for t in (0, 12.44, 59.94, 60, 187.2, 3765)] == [
        "0.0 s", "12.4 s", "59.9 s", "1:00", "3:07", "1:02:45"
    ]  # fmt: skip


def test_all_kept_videos_are_shown_while_they_fit() -> None:
    outcomes = [outcome(i, suspicion=i / MAX_PICTURED) for i in range(MAX_PICTURED)]
    found = select(outcomes)
    assert found.pictured == outcomes[::-1]
    assert found.num_drawn == 0


def test_of_many_the_worst_and_some_drawn_are_shown_in_any_order() -> None:
    outcomes = [outcome(i, suspicion=(i % 997) / 1000) for i in range(3000)]
    outcomes += [outcome(5000 + i, status="refused", reason="missing") for i in range(60)]
    outcomes.append(outcome(9000, status="failed", reason="timeout"))
    found = select(outcomes)
    random.Random(1).shuffle(outcomes)
    assert select(outcomes) == found
    worst, drawn = found.pictured[:-NUM_DRAWN], found.pictured[-NUM_DRAWN:]
    assert len(worst) == MAX_PICTURED - NUM_DRAWN
    assert {o.suspicion for o in worst} == {(997 - k) / 1000 for k in range(1, 25)}
    assert np.mean([o.suspicion for o in drawn]) == pytest.approx(0.5, abs=0.2)
    assert len({o.video_id for o in found.pictured}) == MAX_PICTURED
    assert [o.reason for o in found.unkept] == ["timeout"] + ["missing"] * MAX_LISTED
    assert found.totals.reasons == {"kept": 3000, "missing": 60, "timeout": 1}
    assert found.totals.frames == {USED: 3000 * 6, "covered": 3000 * 4}
    for bins in (found.totals.keyframe_bins, found.totals.suspicion_bins):
        assert sum(bins.values()) == 3000


def test_a_preview_keeps_the_canvas_and_dims_the_rest() -> None:
    frame = np.full((120, 200, 3), 180, np.uint8)
    corners = np.array([[50, 30], [150, 30], [150, 90], [50, 90]], float)
    image = decode_image(preview(frame, corners)).astype(int)
    assert image.shape == (300, 500, 3)
    assert abs(image[150, 250] - 180).max() < 4
    assert abs(image[20, 20] - 90).max() < 4
    assert np.ptp(image[150, 118:132].sum(axis=1)) > 200, "an outline between them"
    np.testing.assert_allclose(decode_image(preview(frame, None)), 180, atol=3)


def test_fates_are_the_documented_reasons(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    write_frames(dataset, "a", fates_of("", *FATES[1:]))
    assert make_timeline(read_frames(dataset, "a"), 9.0).counts == [(fate, 1) for fate in FATES]


@pytest.mark.parametrize("damaged", ["keyframes_tar", "frames_parquet"])
def test_a_video_with_a_damaged_file_is_told_and_the_others_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: str
) -> None:
    dataset = Dataset(tmp_path)
    whole, broken = store(dataset, 0, 3, {}), store(dataset, 1, 3, {1: 0.9})
    file = getattr(dataset, damaged)(broken.video_id)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    html = write_report(dataset).read_text(encoding="utf-8")
    assert f'id="{whole.video_id}"' in html
    assert f'id="{broken.video_id}"' not in html
    assert "1 of them are left out: their files are missing or damaged" in html
    assert file.name in capsys.readouterr().err


def test_a_near_duplicate_with_a_damaged_picture_leaves_the_rest_of_its_group(
    tmp_path: Path,
) -> None:
    dataset = Dataset(tmp_path)
    first = store(dataset, 0, 3, {})
    for number in (1, 2):
        twin = store(dataset, number, 3, {})
        write_outcome(dataset, twin.model_copy(update={"near_duplicate_of": first.video_id}))
    file = dataset.keyframes_tar(first.video_id)
    file.write_bytes(file.read_bytes().replace(b"\xff\xd8\xff", b"\0\0\0"))
    html = write_report(dataset).read_text(encoding="utf-8")
    group = html[html.index('class="gallery twins"') : html.index('id="videos"')]
    assert group.count("<img") == 2


def test_a_damaged_outcome_is_told_and_the_others_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ingest.ledger.ledger import read_outcomes

    dataset = Dataset(tmp_path / "ds")
    dataset.keyframes.mkdir(parents=True)
    (dataset.keyframes / "aaaa.json").write_text("{half", encoding="utf-8")
    assert "All 0 kept videos" in write_report(dataset).read_text(encoding="utf-8")
    assert list(read_outcomes(dataset)) == []
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all("aaaa.json is damaged" in line and "delete it" in line for line in told)
