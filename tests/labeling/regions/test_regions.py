"""Region masks: what is stored, when they are computed again, how damage is reported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ingest.conventions.errors import SchemaError, UserError
from ingest.format.dataset import Dataset
from ingest.format.tar import read_tar, write_tar
from labeling.pairs import read_pairs
from labeling.regions.regions import (
    RegionsConfig,
    RegionTask,
    compute_regions,
    label_regions,
    matching_region,
    read_regions,
)

VIDEO = f"{0:016x}"


def label(dataset: Dataset, config: RegionsConfig | None = None) -> dict:
    return label_regions(RegionTask(dataset.root, VIDEO, config or RegionsConfig()))


def test_masks_mark_the_changed_pixels(
    keyframe_dataset: Callable[..., Dataset], colour_distance
) -> None:
    dataset = keyframe_dataset(1, 0)
    assert label(dataset)["pairs"] == 4
    _, pairs = read_pairs(dataset, VIDEO)
    stored = read_regions(dataset, VIDEO)
    assert list(stored) == [pair.pair_id for pair in pairs]
    for pair in pairs:
        mask, difference = stored[pair.pair_id].masks("test")
        images = np.stack([pair.current.image(), pair.next.image()])
        before, after = colour_distance.features(images)
        changed = colour_distance.compare([before], [after])[0]
        assert np.array_equal(mask, changed > 0.2)
        assert stored[pair.pair_id].record.mask_area == pytest.approx(mask.mean(), abs=1e-6)
        if pair.next.name == pair.target.name:
            assert np.array_equal(mask, difference)


def test_masks_do_not_depend_on_the_batch_size(
    keyframe_dataset: Callable[..., Dataset], colour_distance
) -> None:
    _, pairs = read_pairs(keyframe_dataset(1, 0), VIDEO)
    made = [
        list(compute_regions(pairs, RegionsConfig(batch_size=size), colour_distance))
        for size in (1, 3, 16)
    ]
    assert made[0] == made[1] == made[2]


def test_masks_of_another_batch_size_are_kept(
    keyframe_dataset: Callable[..., Dataset], colour_distance
) -> None:
    dataset = keyframe_dataset(1, 0)
    assert label(dataset)["fresh"]
    assert not label(dataset, RegionsConfig(batch_size=1))["fresh"]


def test_masks_of_another_threshold_are_computed_again(
    keyframe_dataset: Callable[..., Dataset], colour_distance
) -> None:
    dataset = keyframe_dataset(1, 0)
    label(dataset)
    data = dataset.regions_tar(VIDEO).read_bytes()
    assert label(dataset, RegionsConfig(threshold=0.5))["fresh"]
    assert dataset.regions_tar(VIDEO).read_bytes() != data


def test_damaged_masks_are_computed_again(
    keyframe_dataset: Callable[..., Dataset], colour_distance
) -> None:
    dataset = keyframe_dataset(1, 0)
    label(dataset)
    path = dataset.regions_tar(VIDEO)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert label(dataset)["fresh"]
    assert path.read_bytes() == data


def test_missing_regions_name_the_command(keyframe_dataset: Callable[..., Dataset]) -> None:
    with pytest.raises(UserError, match="python -m labeling regions"):
        read_regions(keyframe_dataset(1, 0), VIDEO)


def test_regions_by_another_rule_are_refused(
    keyframe_dataset: Callable[..., Dataset], colour_distance
) -> None:
    dataset = keyframe_dataset(1, 0)
    label(dataset)
    _, pairs = read_pairs(dataset, VIDEO)
    stored = read_regions(dataset, VIDEO)
    with pytest.raises(UserError, match=r"expected one of its images by lpips-alex>0\.3"):
        matching_region(pairs[0], stored, RegionsConfig(threshold=0.3), dataset)


def test_regions_of_other_images_are_refused(
    keyframe_dataset: Callable[..., Dataset], colour_distance
) -> None:
    dataset = keyframe_dataset(1, 0)
    label(dataset)
    _, pairs = read_pairs(dataset, VIDEO)
    stored = read_regions(dataset, VIDEO)
    stored[pairs[0].pair_id] = stored[pairs[1].pair_id]
    with pytest.raises(UserError, match=pairs[0].pair_id):
        matching_region(pairs[0], stored, RegionsConfig(), dataset)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("json", b"{}", "schema_version"),
        ("json", b"nonsense", "not valid JSON"),
        ("mask.png", None, "mask.png"),
    ],
)
def test_damage_names_file_key_and_field(
    keyframe_dataset: Callable[..., Dataset],
    colour_distance,
    field: str,
    value: bytes | None,
    complaint: str,
) -> None:
    dataset = keyframe_dataset(1, 0)
    label(dataset)
    path = dataset.regions_tar(VIDEO)
    samples = list(read_tar(path))
    key, fields = samples[1]
    samples[1] = (key, {n: d for n, d in {**fields, field: value}.items() if d is not None})
    write_tar(path, samples)
    with pytest.raises(SchemaError, match=complaint) as caught:
        read_regions(dataset, VIDEO)
    assert str(path) in str(caught.value)
    assert key in str(caught.value)


@pytest.mark.torch
def test_the_stage_with_lpips(keyframe_dataset: Callable[..., Dataset]) -> None:
    dataset = keyframe_dataset(1, 0, size=(160, 200))
    label(dataset)
    data = dataset.regions_tar(VIDEO).read_bytes()
    dataset.regions_tar(VIDEO).unlink()
    label(dataset, RegionsConfig(batch_size=1))
    assert dataset.regions_tar(VIDEO).read_bytes() == data, "the batch size changes no byte"
    records = [region.record for region in read_regions(dataset, VIDEO).values()]
    assert all(0.05 < record.mask_area < 1 for record in records)
    assert records[0].mean_difference > records[-1].mean_difference
