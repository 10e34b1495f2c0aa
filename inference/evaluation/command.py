"""The work behind ``python -m inference evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference.evaluation.artists import ArtistSpec, parse_artists
from inference.evaluation.evaluate import MEASURES_VERSION, evaluate, tell
from inference.evaluation.measured import REAL
from inference.evaluation.process_files import find_processes
from inference.evaluation.report.page import write_page
from inference.evaluation.report.table import make_rows, markdown, write_results
from inference.settings import InferenceConfig
from ingest.conventions.cli import EXIT_DONE, EXIT_TOO_MANY_REFUSED
from ingest.conventions.config import config_hash
from ingest.conventions.errors import UserError


def run_evaluate(
    artists: str, processes: Path, out: Path, config: InferenceConfig, address: str | None
) -> tuple[dict[str, Any], int]:
    """Measure all artists on all processes, and write table, results and page.

    Returns the summary, and the exit code: 1 if anything could not be measured.

    Raises:
        UserError: wrong use, or nothing at all could be measured.
    """
    specs = parse_artists(artists)
    sources = find_processes(processes)
    _check_names(specs)
    names = [spec.name for spec in specs]
    print(f"{len(sources)} paintings, artists: {', '.join(names)}", flush=True)
    failures: dict[str, dict[str, str]] = {}
    for result in evaluate(sources, specs, config, out, address):
        tell(result)
        if result.failures:
            failures[result.name] = result.failures
    paintings = [source.name for source in sources]
    rows = make_rows(out, paintings, names)
    if not rows:
        raise UserError(f"nothing could be measured: {next(iter(failures.values()), {})}")
    about = {
        "processes": str(processes), "measures_version": MEASURES_VERSION,
        "config_hash": config_hash(config), "failures": failures,
    }  # fmt: skip
    write_results(out, rows, about)
    write_page(out, paintings, names, rows)
    print(markdown(rows))
    print(f"wrote {out / 'index.html'}, table.md, table.tex, results.json")
    summary = {"out": str(out), "paintings": len(paintings), "failures": failures}
    return summary, EXIT_TOO_MANY_REFUSED if failures else EXIT_DONE


def _check_names(specs: list[ArtistSpec]) -> None:
    for spec in specs:
        if spec.name == REAL or not all(c.isalnum() or c in "-_.@" for c in spec.name):
            raise UserError(
                f"--artists: {spec.name!r} cannot name an artist: expected letters, digits, - _ . "
                f"@ and not {REAL!r}: write NAME=PAINTER"
            )
