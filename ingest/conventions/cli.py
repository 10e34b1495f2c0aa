"""What every command of the four packages shares: options, exit codes, one-line errors.

Exit codes: 0 done; 1 finished, but with items refused above the allowed rate; 2 it could not run
as asked (wrong use, bad config, unusable folder).
Only typer is imported here: `--help` has to answer at once, so commands import their work late.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.conventions.errors import UserError, storage_error

EXIT_DONE, EXIT_TOO_MANY_REFUSED, EXIT_UNUSABLE = 0, 1, 2

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="YAML with one top key a package [pipelines.yaml]", metavar="FILE"
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one value, e.g. ingest.decode.fps=4", metavar="KEY=VALUE"),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the resolved config and the plan, do nothing")
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Write the result here as JSON", metavar="FILE")
]
RayAddressOption = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        help="Ray cluster to run on [RAY_ADDRESS, else a local Ray on this machine]",
        metavar="ADDRESS",
    ),
]


def new_app(help: str) -> typer.Typer:
    """A typer app with the conventions of all our commands."""
    return typer.Typer(
        help=help,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def run_app(app: Callable[[], Any]) -> None:
    """Run a typer app; answer wrong use and unusable disks with one line and exit code 2."""
    try:
        app()
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        known = storage_error(error, error.filename or "the output")
        if known is None:
            raise
        _fail(str(known))


def write_result(path: Path | None, result: Any) -> None:
    """Write the machine-readable result of a command, if one was asked for."""
    if path is not None:
        from ingest.conventions.atomic import write_json

        write_json(path, result)


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(EXIT_UNUSABLE)
