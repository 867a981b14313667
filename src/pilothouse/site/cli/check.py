"""`pilothouse check`: the four promises, the invariants and the guards, each with what offends."""

import os
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import typer

from . import app
from .acting import JsonOption
from .database import OWN_SERVER, data_folder, database_up
from .refusals import EXIT_REFUSED
from .tables import print_json


@app.command()
def check(
    as_json: JsonOption = False,
) -> None:
    """Check the four promises, the ledger's invariants and the walls around them; exit 1 when anything is broken.

    A breach is acted on at once: it opens the incident and closes the gate over what is broken.
    """
    with database_up():
        from rich.console import Console

        console = Console(stderr=True)
        with console.status("Checking promises, invariants and guards") if not as_json else nullcontext():
            report = build_report()
    if as_json:
        print_json(report)
    else:
        show(report)
    if not report["ok"]:
        raise typer.Exit(EXIT_REFUSED)


def build_report() -> dict[str, Any]:
    """Everything that `check` looks at, as the JSON object that it prints."""
    from pilothouse.kernel.watch import invariants
    from pilothouse.site.guards import guards

    promises = _promises()
    found = invariants.run_all()
    stand = list(guards(_expect_workers()))
    ok = all(p["ok"] for p in promises.values()) and not any(i["rows"] for i in found) and all(g.ok for g in stand)
    return {
        "ok": ok,
        "promises": promises,
        "invariants": found,
        "guards": [asdict(guard) for guard in stand],
        # Best effort: an objective that is missed is told, and breaks nothing.
        "slos": _slos(),
        "incidents": _open_incidents(),
    }


def _promises() -> dict[str, dict[str, Any]]:
    from pilothouse.kernel.watch.checks import PROMISES
    from pilothouse.kernel.watch.limits import SAMPLE_MAX_ROWS
    from pilothouse.kernel.watch.promises import run

    report: dict[str, dict[str, Any]] = {
        name: {"ok": True, "rows": 0, "accepted": 0, "sample": []} for name in PROMISES
    }
    for result in run():
        entry = report[result.promise.name]
        entry["rows"] += result.seen.rows
        entry["accepted"] += result.seen.accepted
        entry["ok"] = entry["rows"] == 0
        entry["sample"] = [*entry["sample"], *result.seen.sample][:SAMPLE_MAX_ROWS]
    return report


def _slos() -> list[dict[str, Any]]:
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.slos import slo_report

    with worker_scope("check"):
        return [reading.as_json() for reading in slo_report()]


@app.command()
def slo(
    as_json: JsonOption = False,
) -> None:
    """Show the service-level objectives: value, target, window and sample of each; exit 1 when one is missed."""
    with database_up():
        found = _slos()
    ok = all(entry["state"] != "breached" for entry in found)
    if as_json:
        print_json({"ok": ok, "slos": found})
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table("", "Objective", "Value", "Target", "Of", "Days", box=None, pad_edge=False)
        for entry in found:
            value = "–" if entry["value"] is None else f"{entry['value']:.4g}"
            target = f"{entry['target']:g} {entry['unit']}"
            mark = "too few" if entry["state"] == "insufficient_data" else _mark(entry["state"] == "met")
            table.add_row(mark, entry["title"], value, target, entry["counted"], str(entry["window_days"]))
        Console().print(table)
    if not ok:
        raise typer.Exit(EXIT_REFUSED)


def _open_incidents() -> list[dict[str, Any]]:
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.queries import open_incidents

    with worker_scope("check"):
        return open_incidents()


def _expect_workers() -> bool:
    """Whether somebody runs this house: a tree in the folder, or hosts on a server of their own."""
    from pilothouse.site.tree import running

    alone = os.environ.get("PILOTHOUSE_TEST_SERVER") or os.environ.get(OWN_SERVER)
    return not alone and bool(os.environ.get("DATABASE_URL") or running(data_folder()))


def show(report: dict[str, Any]) -> None:
    """The report as tables for people."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from pilothouse.kernel.watch.checks import declared

    console = Console()
    table = Table("", "Check", "Rows", "What it finds", box=None, pad_edge=False)
    titles = {promise.name: promise.title for promise in declared()}
    for name, entry in report["promises"].items():
        first = entry["sample"][0]["what"] if entry["sample"] else titles.get(name, "")
        table.add_row(_mark(entry["ok"]), f"promise {name}", str(entry["rows"]), escape(first))
    for entry in report["invariants"]:
        table.add_row(
            _mark(not entry["rows"]), f"invariant {entry['name']}", str(entry["rows"]), escape(entry["title"])
        )
    for guard in report["guards"]:
        table.add_row(_mark(guard["ok"]), f"guard {guard['name']}", "", escape(guard["sentence"]))
    console.print(table)
    for incident in report["incidents"]:
        console.print(
            f"[red]{incident['severity']}[/red] {incident['public_id']} {incident['kind']} is {incident['state']}: "
            + escape(incident["title"])
        )
    console.print("[green]Every promise holds.[/green]" if report["ok"] else "[red]Something is broken.[/red]")


def _mark(ok: bool) -> str:
    return "[green]✓[/green]" if ok else "[red]✗[/red]"
