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
