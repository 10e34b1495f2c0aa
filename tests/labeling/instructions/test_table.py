"""Stored answers: no question is asked twice, and no stale answer is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.instructions import batch_labeling
from labeling.instructions.batch_labeling import InstructionTask, label_instructions
from labeling.instructions.labeler import Answer, PairImages
from labeling.instructions.labeler_factory import InstructionsConfig, make_labeler
from labeling.instructions.table import merge_table, read_jsonl, read_table
from labeling.regions.regions import RegionsConfig, RegionTask, label_regions

VIDEO = f"{0:016x}"


class Scripted:
    """A labeler that counts the pairs it is asked about, and can fail."""

    prompt, reads_mask = "ask-1", False

    def __init__(self, name: str = "scripted-1", fail_after: int = 10**6) -> None:
        self.name, self.fail_after, self.asked = name, fail_after, 0

    def load(self) -> None:
        pass

    def prepare(self, pairs: Sequence[PairImages]) -> Sequence[PairImages]:
        return pairs

    def answer(self, pairs: Sequence[PairImages]) -> list[Answer]:
        if self.asked >= self.fail_after:
            raise RuntimeError("power cut")
        self.asked += len(pairs)
        return [Answer("The Skies, trees", 0.123456789) for _ in pairs]


@pytest.fixture
def dataset(keyframe_dataset: Callable[..., Dataset], colour_distance) -> Dataset:
    dataset = keyframe_dataset(1, 0)
    label_regions(RegionTask(dataset.root, VIDEO, RegionsConfig()))
    return dataset


def label(dataset: Dataset, batch_size: int = 8, threshold: float = 0.2) -> dict:
    config = InstructionsConfig(batch_size=batch_size)
    task = InstructionTask(dataset.root, VIDEO, RegionsConfig(threshold=threshold), config)
    return label_instructions(task)


def use(monkeypatch: pytest.MonkeyPatch, labeler: Scripted) -> Scripted:
    monkeypatch.setattr(batch_labeling, "shared_labeler", lambda config: labeler)
    return labeler


def test_a_second_run_asks_nothing(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    labeler = use(monkeypatch, Scripted())
    assert label(dataset)["asked"] == 4
    data = dataset.instructions_jsonl(VIDEO).read_bytes()
    assert label(dataset)["asked"] == 0
    assert labeler.asked == 4
    assert dataset.instructions_jsonl(VIDEO).read_bytes() == data
    row = read_jsonl(dataset.instructions_jsonl(VIDEO))[0]
    assert (row.text, row.raw_text, row.confidence) == ("sky, tree", "The Skies, trees", 0.123457)


def test_a_run_after_a_failure_gives_the_same_bytes(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Scripted())
    label(dataset)
    path = dataset.instructions_jsonl(VIDEO)
    data = path.read_bytes()
    path.unlink()
    use(monkeypatch, Scripted(fail_after=2))
    with pytest.raises(RuntimeError):
        label(dataset, batch_size=1)
    again = use(monkeypatch, Scripted())
    label(dataset, batch_size=3)
    assert again.asked == 2
    assert path.read_bytes() == data


def test_answers_of_several_labelers_are_kept(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Scripted("b-1"))
    label(dataset)
    use(monkeypatch, Scripted("a-1"))
    label(dataset)
    assert use(monkeypatch, Scripted("b-1")).asked == 0
    assert label(dataset)["asked"] == 0
    names = [row.labeler for row in read_jsonl(dataset.instructions_jsonl(VIDEO))]
    assert names == ["a-1"] * 4 + ["b-1"] * 4


def test_new_masks_need_new_answers_of_a_labeler_that_reads_masks(dataset: Dataset) -> None:
    assert label(dataset)["asked"] == 4
    label_regions(RegionTask(dataset.root, VIDEO, RegionsConfig(threshold=0.5)))
    assert label(dataset, threshold=0.5)["asked"] == 4
    assert label(dataset, threshold=0.5)["asked"] == 0


def test_the_table_holds_the_answers_of_the_configured_labeler(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(dataset)
    with monkeypatch.context() as patch:
        use(patch, Scripted())
        label(dataset)
    merge_table(dataset, [VIDEO], InstructionsConfig(), RegionsConfig())
    data = dataset.instructions_parquet.read_bytes()
    table = read_table(dataset)
    assert len(table) == 4
    assert {row.labeler for row in table.values()} == {"rule-2"}
    merge_table(dataset, [VIDEO], InstructionsConfig(), RegionsConfig())
    assert dataset.instructions_parquet.read_bytes() == data


def test_a_missing_table_names_the_command(dataset: Dataset) -> None:
    with pytest.raises(UserError, match="python -m labeling instructions"):
        read_table(dataset)


def test_a_damaged_table_is_refused(dataset: Dataset) -> None:
    dataset.instructions_parquet.parent.mkdir(parents=True, exist_ok=True)
    dataset.instructions_parquet.write_bytes(b"PAR1 no")
    with pytest.raises(UserError, match=r"instructions\.parquet is damaged"):
        read_table(dataset)


def test_a_damaged_cache_names_the_line(dataset: Dataset) -> None:
    path = dataset.instructions_jsonl(VIDEO)
    label(dataset)
    path.write_text(path.read_text() + '{"pair_id": 3}\n')
    with pytest.raises(UserError, match="line 5 is damaged"):
        read_jsonl(path)


def test_the_config_selects_the_labeler() -> None:
    assert make_labeler(InstructionsConfig()).name == "rule-2"
    llava = make_labeler(InstructionsConfig(labeler="llava"))
    assert llava.name.startswith("llava:")
    assert llava.prompt
    assert not llava.reads_mask
