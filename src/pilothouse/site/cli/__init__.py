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
    from pilothouse.kernel.base.errors import PilothouseError

    try:
        app()
    except PilothouseError as refused:
        typer.echo(str(refused), err=True)
        sys.exit(1)
