"""`pilothouse runbook …`: versions of runbooks, checked from a file and put in force for new pilots."""

from pathlib import Path
from typing import Annotated, Any

import typer

from . import app
from .acting import AsOption, JsonOption, acting_scope
from .tables import print_json, print_table, say

runbook_app = typer.Typer(no_args_is_help=True, help="Runbooks: what a pilot of a program consists of.")
app.add_typer(runbook_app, name="runbook")
FileArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A file such as video_v2.toml.")
]
SHOWN = ("name", "version", "state", "pilots", "published_at", "hash", "note")


@runbook_app.command("list")
def list_runbooks(as_json: JsonOption = False) -> None:
    """Every version of every runbook, with the pilots that are pinned to it and the file that it was read from."""
    with acting_scope(""):
        from pilothouse.kernel.base.clock import iso
        from pilothouse.pilots.publishing import listed

        rows = [{**row, "published_at": iso(at) if (at := row["published_at"]) else ""} for row in listed()]
    if as_json:
        print_json(rows)
        return
    columns = {"name": "runbook", **{name: name for name in SHOWN[1:5]}, "hash": "sha256", "file": "file"}
    print_table(rows, columns, "There is no runbook; the first ones are published when a house starts.")


@runbook_app.command()
def check(file: FileArgument, as_json: JsonOption = False) -> None:
    """Look for the first mistake of a file; nothing is published."""
    with acting_scope(""):
        from pilothouse.pilots.publishing import check as look
        from pilothouse.pilots.runbook import Runbook, read_file

        body = read_file(file)
        look(body)
        told = _told(body, Runbook(body))
    say(told, as_json, f"{_words(told)} It can be published: pilothouse runbook publish {file}")


@runbook_app.command()
def publish(
    file: FileArgument,
    note: Annotated[str, typer.Option(help="Why; it stands beside the version.")] = "",
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put a file's version in force for new pilots. Pilots that have begun keep the version they began with."""
    with acting_scope(operator):
        from pilothouse.pilots.publishing import publish_runbook
        from pilothouse.pilots.runbook import of_version, read_file

        made = publish_runbook(read_file(file), note)
        told = {**_told(made.body, of_version(made)), "state": made.state, "sha256": made.hash}
    say(told, as_json, f"{_words(told)} It is in force for new pilots, sha256 {made.hash}.")


def _told(body: dict[str, Any], runbook: Any) -> dict[str, Any]:
    return {
        "ok": True, "runbook": body["id"], "version": body["version"], "program": body["program"],
        "phases": len(runbook.phases), "lines": len(runbook.lines), "criteria": len(runbook.criteria),
        "failures": len(runbook.failures), "texts": len(runbook.texts),
    }  # fmt: skip


def _words(told: dict[str, Any]) -> str:
    counts = ("phases", "lines", "criteria", "failures", "texts")
    return f"{told['runbook']} v{told['version']}: " + ", ".join(f"{told[name]} {name}" for name in counts) + "."
