"""The command line of the four packages: common options, exit codes, one-line errors.

Only typer is imported here, and commands import their code when they run: `--help` must be quick.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.conventions.errors import UserError, reading_error, storage_error

EXIT_DONE = 0
"""Exit code of success."""
EXIT_TOO_MANY_REFUSED = 1
"""Exit code of a finished run in which more items were refused than allowed."""
EXIT_UNUSABLE = 2
"""Exit code of wrong use, a bad config or an unusable folder: the command could not run."""

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
    """Run a typer app; wrong use, disk errors and files that may not be read print one line and
    exit with code 2."""
    # A name that the terminal cannot show is printed with escapes; it never ends a run.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        known = reading_error(error, "") or storage_error(error, "the output")
        if known is None:
            raise
        _fail(str(known))


def write_result(path: Path | None, result: Any) -> None:
    """Write the result of a command as JSON to `path`, unless it is None."""
    if path is not None:
        from ingest.conventions.atomic import write_json

        write_json(path, result)


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(EXIT_UNUSABLE)
