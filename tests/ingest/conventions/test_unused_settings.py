"""Settings that a command would ignore are refused by name."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from ingest.__main__ import app as ingest
from ingest.conventions.errors import UserError
from ingest.conventions.unused_settings import refuse_unused_keys, refuse_unused_options
from ingest.studio.__main__ import app as studio
from labeling.__main__ import app as labeling


def test_options_are_named() -> None:
    with pytest.raises(UserError, match=r"^--set, --json do nothing with --check: leave it out"):
        refuse_unused_options("--check", {"--set": ["a.b=1"], "--json": "x", "--config": None})
    refuse_unused_options("--check", {"--set": [], "--dry-run": False})


def test_keys_are_found_by_their_beginning() -> None:
    unused = {"labeling.shards": "not read"}
    with pytest.raises(UserError, match=r"--set labeling\.shards\.a does nothing here: not read"):
        refuse_unused_keys(["labeling.shards.a=1"], unused)
    refuse_unused_keys(["labeling.shardsize=1", "labeling.regions.a=1"], unused)
    refuse_unused_keys(None, unused)


@pytest.mark.parametrize(
    ("app", "arguments", "name"),
    [
        (ingest, "run v -o d --set ingest.segmenter.batch_size=4", "ingest.segmenter.batch_size"),
        (ingest, "run v -o d --set ingest.actors.num_actors=2", "ingest.actors.num_actors"),
        (ingest, "run v -o d --dry-run --json x", "--json"),
        (ingest, "run v -o d --dry-run --retry-failed", "--retry-failed"),
        (ingest, "purge . v --undo --dry-run", "--dry-run"),
        (studio, "-o d --dry-run --json x", "--json"),
        (labeling, "shards d --check --diff e", "--diff"),
        (labeling, "shards d --check --ray-address e", "--ray-address"),
        (labeling, "shards d --diff e --dry-run", "--dry-run"),
        (labeling, "shards d --dry-run --json x", "--json"),
        (labeling, "regions d --set labeling.shards.samples_per_shard=3", "labeling.shards"),
        (labeling, "instructions d --set labeling.instructions.llava.model=x", "llava.model"),
        (labeling, "instructions d --set labeling.instructions.actors.num_gpus=1", "actors"),
        (labeling, "report d --set labeling.run.num_cpus=2", "labeling.run.num_cpus"),
        (labeling, "review export d -o x.csv --set labeling.report.x=1", "labeling.report.x"),
        (labeling, "review import d x.csv --dry-run --left y.csv", "--left"),
    ],
)
def test_each_command_refuses_what_it_ignores(app: typer.Typer, arguments: str, name: str) -> None:
    result = CliRunner().invoke(app, arguments.split())
    assert isinstance(result.exception, UserError), result.output
    assert name in str(result.exception)
