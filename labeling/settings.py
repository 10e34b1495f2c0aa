"""The config of the labeling package: the top key ``labeling`` of pipelines.yaml."""

from __future__ import annotations

from ingest.conventions.config import Config
from ingest.execution.ray_tasks import RunConfig
from labeling.instructions.labeler_factory import InstructionsConfig
from labeling.regions.regions import RegionsConfig
from labeling.report import ReportConfig
from labeling.review.spreadsheet_export import ReviewConfig
from labeling.shards.plan import ShardsConfig


class LabelingConfig(Config):
    """Settings of the labeling stages."""

    regions: RegionsConfig = RegionsConfig()
    """Region masks."""
    instructions: InstructionsConfig = InstructionsConfig()
    """Instructions."""
    review: ReviewConfig = ReviewConfig()
    """Spreadsheets for reviewers."""
    shards: ShardsConfig = ShardsConfig()
    """Training shards."""
    report: ReportConfig = ReportConfig()
    """The page of labels."""
    run: RunConfig = RunConfig()
    """How the work is laid out."""


_KEYS = {
    "regions": ("regions", "run"),
    "instructions": ("instructions", "regions", "run"),
    "shards": ("shards", "regions", "run"),
    "review": ("review",),
    "report": ("report",),
}
"""Keys that each command reads."""


def unused_keys(command: str, config: LabelingConfig) -> dict[str, str]:
    """Keys of ``--set`` that do nothing for a command, and why."""
    read = _KEYS[command]
    unused = {
        f"labeling.{name}": f"`{command}` reads only {', '.join(f'labeling.{key}' for key in read)}"
        for name in LabelingConfig.model_fields
        if name not in read
    }
    chosen = config.instructions.labeler
    for labeler in ("rule", "llava", "endpoint"):
        if labeler != chosen:
            why = f"the labeler is {chosen}; add --set labeling.instructions.labeler={labeler}"
            unused[f"labeling.instructions.{labeler}"] = why
    if chosen == "rule":
        unused["labeling.instructions.actors"] = "the labeler `rule` needs no actors"
    return unused
