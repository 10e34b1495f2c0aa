"""Pairs of keyframes, and the white canvas that a painting starts from."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.conventions.errors import UserError
from ingest.format.images import encode_image
from ingest.format.schema import Keyframe
from ingest.ledger.outcome import StoredKeyframe
from labeling.pairs import pairs_of


def keyframe(
    index: int, time_s: float, target: int, is_bare: bool = False, shade: int | None = None
) -> StoredKeyframe:
    record = Keyframe(
        video_id="v", index=index, time_s=time_s, target=target, is_bare=is_bare, frame_index=index
    )
    value = index if shade is None else shade
    return StoredKeyframe(record, "png", encode_image(np.full((8, 10, 3), value, np.uint8), "png"))


def test_white_replaces_a_blank_first_keyframe() -> None:
    pairs = pairs_of([keyframe(0, 15, 2, True), keyframe(1, 40, 2), keyframe(2, 53, 2)], 10)
    assert [p.pair_id for p in pairs] == ["v-white-k0001-k0002", "v-k0001-k0002-k0002"]
    assert [p.interval_s for p in pairs] == [25, 13]
    assert (pairs[0].current.image() == 255).all()
    assert pairs[0].current.image().shape == (8, 10, 3)
    assert pairs[0].current.reference.keyframe is None


@pytest.mark.parametrize(
    ("first_s", "start_s", "interval_s"), [(15, 10, 5), (100, 10, 30), (10.2, 10, 1)]
)
def test_white_is_put_before_a_painted_first_keyframe(
    first_s: float, start_s: float, interval_s: float
) -> None:
    pairs = pairs_of([keyframe(0, first_s, 1), keyframe(1, first_s + 7, 1)], start_s)
    assert [p.pair_id for p in pairs] == ["v-white-k0000-k0001", "v-k0000-k0001-k0001"]
    assert pairs[0].interval_s == interval_s


def test_white_replaces_the_last_of_several_blank_keyframes() -> None:
    frames = [
        keyframe(0, 1, 3, True),
        keyframe(1, 5, 3, True),
        keyframe(2, 9, 3),
        keyframe(3, 20, 3),
    ]
    pairs = pairs_of(frames, 0)
    assert [(p.pair_id, p.interval_s) for p in pairs] == [
        ("v-white-k0002-k0003", 4),
        ("v-k0002-k0003-k0003", 11),
    ]


def test_pairs_do_not_mix_shots_and_only_the_first_shot_starts_from_white() -> None:
    frames = [keyframe(0, 1, 1), keyframe(1, 5, 1), keyframe(2, 9, 3), keyframe(3, 20, 3)]
    ids = [p.pair_id for p in pairs_of(frames, 0)]
    assert ids == ["v-white-k0000-k0001", "v-k0000-k0001-k0001", "v-k0002-k0003-k0003"]


def test_a_single_keyframe_gives_no_pair() -> None:
    assert pairs_of([keyframe(0, 3, 0)], 0) == []
    assert pairs_of([], 0) == []


def test_keyframes_out_of_order_are_refused() -> None:
    with pytest.raises(UserError, match="k0001 is not later than k0000"):
        pairs_of([keyframe(0, 9, 1), keyframe(1, 9, 1)], 0)


def test_a_missing_target_is_named() -> None:
    with pytest.raises(UserError, match="keyframe 7"):
        pairs_of([keyframe(0, 1, 7), keyframe(1, 9, 7)], 0)


def content_hashes(frames: list[StoredKeyframe]) -> list[str]:
    return [pair.content_hash for pair in pairs_of(frames, 0)]


def test_content_hash_changes_with_every_image() -> None:
    frames = [keyframe(0, 1, 2), keyframe(1, 5, 2), keyframe(2, 9, 2)]
    before = content_hashes(frames)
    assert len(set(before)) == 3
    after = content_hashes([*frames[:2], keyframe(2, 9, 2, shade=99)])
    assert all(a != b for a, b in zip(before, after, strict=True))


def test_content_hash_does_not_depend_on_times() -> None:
    frames = [keyframe(0, 1, 2), keyframe(1, 5, 2), keyframe(2, 9, 2)]
    later = [keyframe(i, 100.0 + i, 2) for i in range(3)]
    assert content_hashes(later) == content_hashes(frames)
