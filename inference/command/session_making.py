"""Makes a session from painted steps: samples in the dataset schema, and the session record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.inputs.picture import Picture
from inference.output.session import PainterRecord, Session, SessionRecord, StepRecord
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from ingest import __version__
from ingest.conventions.config import config_hash
from ingest.format.images import encode_image, encode_mask
from ingest.format.schema import Provenance, Sample, canvas_ref, pack_sample
from ingest.format.tar import Fields

REGION_RULE = "predicted"
"""`region_rule` of a predicted region; the threshold follows it."""
FINISH_RULE = "finish: all that still differs"
"""`region_rule` of the finishing step."""


def make_session(
    steps: Sequence[Step],
    picture: Picture,
    painter: PainterRecord,
    config: InferenceConfig,
    versions: dict[str, str],
) -> tuple[Session, list[tuple[str, Fields]]]:
    """The session of painted steps, and its samples as encoded fields for `write_steps`."""
    samples: list[Sample] = []
    encoded: list[tuple[str, Fields]] = []
    target = encode_image(picture.image, "png")
    current, before = encode_image(steps[0].current, "png"), steps[0].current
    for step in steps:
        # A canvas that is one step's next and another's current is encoded once.
        if step.current is not before:
            current = encode_image(step.current, "png")
        is_target = step.is_finish and np.array_equal(step.next, picture.image)
        following = target if is_target else encode_image(step.next, "png")
        images = (current, following, target)
        provenance = _provenance(step, steps[-1].time_s, images, picture, painter, config)
        sample = _sample(step, picture, provenance)
        samples.append(sample)
        encoded.append((sample.key, _fields(sample, images)))
        current, before = following, step.next
    record = _record(steps, samples, picture, painter, config, versions)
    return Session(record, samples), encoded


def _sample(step: Step, picture: Picture, provenance: Provenance) -> Sample:
    return Sample(
        key=f"{picture.sha256[:16]}-s{step.index:04d}",
        current=step.current,
        next=step.next,
        target=picture.image,
        interval_s=step.interval_s,
        instruction=step.instruction.text,
        mask=step.region.mask,
        difference=step.difference,
        provenance=provenance,
    )


def _provenance(
    step: Step,
    end_s: float,
    images: tuple[bytes, bytes, bytes],
    picture: Picture,
    painter: PainterRecord,
    config: InferenceConfig,
) -> Provenance:
    current, following, target = images
    threshold = step.region.threshold
    return Provenance(
        video_id=picture.sha256[:16],
        painting_id=picture.sha256[:16],
        uri=str(picture.path),
        source="inference paint",
        split="val",
        current=canvas_ref(current, step.time_s - step.interval_s),
        next=canvas_ref(following, step.time_s),
        target=canvas_ref(target, end_s),
        labeler="finish" if step.is_finish else f"painter:{painter.name}",
        machine_instruction=step.instruction.text,
        confidence=step.instruction.confidence,
        region_rule=FINISH_RULE if step.is_finish else f"{REGION_RULE}>{threshold:g}",
        ingest_version=__version__,
        config_hash=config_hash(config),
    )


def _fields(sample: Sample, images: tuple[bytes, bytes, bytes]) -> Fields:
    current, following, target = images
    return pack_sample(
        sample.key,
        ("png", current),
        ("png", following),
        ("png", target),
        encode_mask(sample.mask),
        encode_mask(sample.difference),
        sample.interval_s,
        sample.instruction,
        sample.provenance,
    )


def _record(
    steps: Sequence[Step],
    samples: Sequence[Sample],
    picture: Picture,
    painter: PainterRecord,
    config: InferenceConfig,
    versions: dict[str, str],
) -> SessionRecord:
    painted = [step for step in steps if not step.is_finish]
    stop = painted[-1].stop
    assert stop is not None, "the last painted step says why it is the last"
    height, width = picture.image.shape[:2]
    return SessionRecord(
        picture_uri=str(picture.path),
        picture_sha256=picture.sha256,
        picture_notes=picture.notes,
        original_size_px=picture.original_size_px,
        canvas_size_px=(width, height),
        painter=painter,
        seed=config.rollout.seed,
        interval_s=painted[0].interval_s,
        stop=stop,
        num_painted=len(painted),
        steps=tuple(_step_record(step, s.key) for step, s in zip(steps, samples, strict=True)),
        config=config.model_dump(mode="json"),
        config_hash=config_hash(config),
        versions=versions,
    )


def _step_record(step: Step, key: str) -> StepRecord:
    return StepRecord(
        key=key,
        time_s=step.time_s,
        instruction=step.instruction.text,
        confidence=step.instruction.confidence,
        mask_area=step.region.area,
        threshold=step.region.threshold,
        change=step.change,
        distance=step.distance,
        is_finish=step.is_finish,
    )
