"""One run of ingest: list the sources, process each on Ray, write the ledger and the report.

The order in which videos finish does not matter: outputs are named by content, and what depends on
several sources is decided at the end. The driver reads rows and counts; hashing, decoding and
writing happen in the workers.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ingest.conventions.atomic import remove_stale_temporaries, write_bytes
from ingest.conventions.config import to_record_yaml
from ingest.conventions.errors import UserError, storage_error
from ingest.format.dataset import Dataset
from ingest.ledger.source_register import Register
from ingest.run.conclusion import conclude
from ingest.run.duplicates import OutcomeListener
from ingest.run.intake import Intake, RunOptions
from ingest.run.tally import RunResult
from ingest.settings import IngestConfig
from ingest.sources.copies import remove_abandoned_copies
from ingest.sources.discover import discover


def run(
    inputs: list[str],
    root: Path,
    config: IngestConfig,
    options: RunOptions | None = None,
    listen: OutcomeListener = lambda outcome, is_kept: None,
) -> RunResult:
    """Ingest all sources of `inputs` into the dataset folder `root`.

    Raises:
        UserError: unusable inputs, or an output that cannot be written.
    """
    dataset = Dataset(root)
    _prepare(dataset, config)
    with contextlib.closing(Register(dataset.register_sqlite)) as register:
        intake = Intake(dataset, config, options or RunOptions(), register, listen)
        intake.ingest_rows(discover(inputs, config.remote))
    # Killed workers may have left temporary files.
    remove_stale_temporaries(dataset.root)
    remove_abandoned_copies()
    intake.result.warnings += conclude(dataset, config)
    return intake.result


def _prepare(dataset: Dataset, config: IngestConfig) -> None:
    """Create the dataset folder and write the config; raises before any work if that fails."""
    try:
        dataset.keyframes.mkdir(parents=True, exist_ok=True)
        remove_stale_temporaries(dataset.root)
        write_bytes(dataset.config_yaml("ingest"), to_record_yaml(config, "ingest"))
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError):
            raise UserError(f"{dataset.root} is a file: give a folder for the dataset") from error
        raise storage_error(error, dataset.root) or error from error
