"""The command line, one file per group of commands."""

import importlib
import importlib.util
import os
import sys
from importlib import metadata
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run production pilots that prove themselves.",
)
# One file for each group of commands; each registers itself on `app` when it is imported.
GROUPS = (
    "run", "database", "demo", "rehearse", "check", "incidents", "access", "ledger", "grants", "backup", "checklist",
    "deals", "deal_terms", "pilot", "pilot_texts", "runbooks", "export", "bench", "daily", "rollback", "payouts",
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pilothouse {metadata.version('pilothouse')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Run production pilots that prove themselves."""


def setup() -> None:
    """Load Django's settings; every command that needs them calls this first, so that `--help` stays quick."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
    import django

    django.setup()
    from pilothouse.site.programs import load_programs

    load_programs()


def main() -> None:
    """Entry point of the `pilothouse` command; a refusal that a command leaves to us is one sentence and exit 1."""
    for group in GROUPS:
        if importlib.util.find_spec(f"pilothouse.site.cli.{group}"):
            importlib.import_module(f"pilothouse.site.cli.{group}")
    try:
        app()
    except Exception as error:
        sentence = _refusal(error)
        if not sentence:
            raise
        typer.echo(sentence, err=True)
        sys.exit(1)


def _refusal(error: Exception) -> str:
    """What an error says to who typed the command; empty for one that is ours to mend and shows its traceback."""
    from django.db import DatabaseError, OperationalError
    from psycopg import errors

    from pilothouse.kernel.base.errors import PilothouseError

    if isinstance(error, PilothouseError):
        return str(error)
    first = str(error).splitlines()[0] if str(error) else ""
    if isinstance(error, OperationalError | errors.OperationalError):
        return f"The database does not answer: {first}\nIf it is new, bring it to its shape: `pilothouse migrate`."
    if isinstance(error, DatabaseError) and isinstance(error.__cause__, errors.UndefinedTable):
        return f"{first}\nBring the database to this version's shape with `pilothouse migrate`."
    return ""
