"""Stored samples and keyframes: round trips, and errors that name file, key and field."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.conventions.errors import SchemaError
from ingest.format.fields import SCHEMA_VERSION
from ingest.format.images import encode_image
from ingest.format.schema import (
    Keyframe,
    Provenance,
    Sample,
    canvas_ref,
    decode_keyframe,
    decode_sample,
    encode_keyframe,
    encode_sample,
)

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1).filter(
    str.strip
)
seconds = st.floats(0.001, 1e6)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def image() -> np.ndarray:
        return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)

    reference = canvas_ref(b"x", draw(st.floats(0, 1e6)), draw(st.none() | st.integers(0, 99)))
    provenance = Provenance(
        video_id="v", painting_id=draw(texts), uri=draw(texts), licence=draw(st.text(max_size=5)),
        current=reference, next=reference, target=reference, labeler="rule-1",
        machine_instruction=draw(texts), confidence=draw(st.none() | st.floats(0, 1)),
        region_rule="r", ingest_version="0", config_hash="0",
    )  # fmt: skip
    return Sample(
        key=draw(st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)),
        current=image(),
        next=image(),
        target=image(),
        interval_s=draw(seconds),
        instruction=draw(texts)[:200],
        mask=rng.random((height, width)) < 0.5,
        difference=rng.random((height, width)) < 0.5,
        provenance=provenance,
    )


@given(samples())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_sample_comes_back_pixel_by_pixel(sample: Sample) -> None:
    if not sample.instruction.strip():
        return
    back = decode_sample(sample.key, encode_sample(sample), "shard.tar")
    for name in ("current", "next", "target", "mask", "difference"):
        np.testing.assert_array_equal(getattr(back, name), getattr(sample, name))
    assert (back.interval_s, back.instruction) == (sample.interval_s, sample.instruction)
    assert back.provenance == sample.provenance


def a_sample() -> Sample:
    image = np.zeros((4, 6, 3), np.uint8)
    mask = np.zeros((4, 6), bool)
    reference = canvas_ref(b"", 0.0)
    provenance = Provenance(
        video_id="v", painting_id="p", uri="u", current=reference, next=reference,
        target=reference, labeler="l", machine_instruction="m", region_rule="r",
        ingest_version="0", config_hash="0",
    )  # fmt: skip
    return Sample("v-k0000", image, image, image, 2.0, "sky", mask, mask, provenance)


def with_head(fields: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    head = json.loads(fields["json"]) | changes
    return fields | {"json": json.dumps(head).encode()}


def grey_mask() -> bytes:
    return encode_image(np.full((4, 6, 3), 90, np.uint8), "png")


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        (lambda f: {k: v for k, v in f.items() if k != "target.png"}, "target"),
        (lambda f: {k: v for k, v in f.items() if k != "mask.png"}, "mask.png"),
        (lambda f: {k: v for k, v in f.items() if k != "json"}, "json"),
        (lambda f: f | {"current.png": f["current.png"][:20]}, "current.png"),
        (lambda f: f | {"mask.png": grey_mask()}, "mask.png"),
        (lambda f: f | {"json": b"{"}, "json"),
        (lambda f: f | {"json": b"[]"}, "json"),
        (lambda f: with_head(f, interval_s=0), "interval_s"),
        (lambda f: with_head(f, interval_s=True), "interval_s"),
        (lambda f: with_head(f, instruction="  "), "instruction"),
        (lambda f: with_head(f, instruction="x" * 201), "instruction"),
        (lambda f: with_head(f, schema_version="2.0"), "schema_version"),
        (lambda f: with_head(f, provenance={}), "provenance.video_id"),
        (lambda f: f | {"next.png": encode_image(np.zeros((5, 6, 3), np.uint8), "png")}, "next"),
    ],
)
def test_damage_is_named_by_file_key_and_field(damage, field: str) -> None:
    sample = a_sample()
    with pytest.raises(SchemaError) as caught:
        decode_sample(sample.key, damage(encode_sample(sample)), "train-000000.tar")
    assert (caught.value.where, caught.value.key) == ("train-000000.tar", sample.key)
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_readers_take_later_minor_versions() -> None:
    major = SCHEMA_VERSION.partition(".")[0]
    fields = with_head(encode_sample(a_sample()), schema_version=f"{major}.99", added="new")
    assert decode_sample("v-k0000", fields, "t.tar").instruction == "sky"


@given(st.floats(0, 1e7), st.booleans(), st.integers(0, 999))
def test_a_keyframe_comes_back(time_s: float, is_bare: bool, index: int) -> None:
    keyframe = Keyframe(
        video_id="v", index=index, time_s=time_s, target=index, is_bare=is_bare,
        corners_px=((0.5, 1.0), (2.0, 1.0), (2.0, 3.0), (0.0, 3.0)), quality={"change": 0.1},
    )  # fmt: skip
    fields = encode_keyframe(keyframe, b"picture", "jpg")
    assert decode_keyframe("k", fields, "t.tar") == (keyframe, "jpg", b"picture")


def test_a_keyframe_without_picture_is_refused() -> None:
    fields = encode_keyframe(Keyframe(video_id="v", index=0, time_s=0, target=0), b"", "jpg")
    with pytest.raises(SchemaError, match="'jpg'"):
        decode_keyframe("k", {"json": fields["json"]}, "t.tar")
