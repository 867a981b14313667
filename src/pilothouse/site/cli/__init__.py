"""The command line, one file per group of commands."""

import importlib
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from typer.core import TyperGroup

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run production pilots that prove themselves.",
)
# One file for each group of commands; each registers itself on `app` when it is imported.
GROUPS = (
    "run", "database", "demo", "rehearse", "check", "incidents", "access", "ledger", "grants", "backup", "checklist",
    "deals", "deal_terms", "pilot", "pilot_parity", "pilot_texts", "runbooks", "export", "bench", "daily",
    "rollback", "payouts",
)  # fmt: skip
# How `pilothouse --help` parts the commands.
PANELS = {
    "Try it": "demo rehearse",
    "Run the house": "up migrate web live worker database backup restore bench",
    "Look after it": "check slo errors incidents gates",
    "Customers and their people": "tenant member key operator",
    "Pilots": "pilot runbook checklist digest review rollback resume export verify",
    "Money": "grant ledger deals payouts",
}


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
    from django.apps import apps

    if apps.ready:
        return
    from pilothouse.kernel.base import heap

    with heap.loading():
        import django

        django.setup()
        from pilothouse.site.programs import load_programs

        load_programs()


@cache
def parser() -> "TyperGroup":
    """The whole command line, every group of commands in it."""
    from pilothouse.kernel.base import heap

    with heap.loading():
        for group in GROUPS:
            importlib.import_module(f"pilothouse.site.cli.{group}")
    found: Any = typer.main.get_command(app)
    order = [(name, panel) for panel, names in PANELS.items() for name in names.split()]
    for name, panel in order:
        found.commands[name].rich_help_panel = panel
    found.commands = {name: found.commands[name] for name, _panel in order}
    return cast("TyperGroup", found)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that these words name, this process's own by default; its exit code (see refusals.EXIT_CODES)."""
    from .refusals import run

    return run(parser, sys.argv[1:] if words is None else words)
