"""`pilothouse check`: the four promises, the invariants and the guards, each with what offends."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from . import app, setup
from .database import OWN_SERVER, data_folder, database_up

EXIT_BROKEN = 1
EXIT_NO_DATABASE = 2
SECRETS_OF_SAMPLES = ("change", "example", "insecure", "password", "secret-key", "test-key")
PASSWORDS_OF_SAMPLES = ("", "admin", "changeme", "password", "pilothouse", "postgres", "secret")
LOCAL_HOSTS = ("", "127.0.0.1", "::1", "localhost")
SECRET_KEY_MIN_DISTINCT_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Guard:
    """One thing that must be so around the data: a name, whether it is, and one sentence."""

    name: str
    ok: bool
    sentence: str


@app.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the four promises, the ledger's invariants and the walls around them; exit 1 when anything is broken.

    A breach is acted on at once: it opens the incident and closes the gate over what is broken.
    """
    with database_up():
        setup()
        from django.db import DatabaseError
        from rich.console import Console

        console = Console(stderr=True)
        try:
            with console.status("Checking promises, invariants and guards") if not as_json else _quiet():
                report = build_report()
        except DatabaseError as error:
            typer.echo(f"The database cannot be checked: {str(error).splitlines()[0]}", err=True)
            typer.echo("Bring it to this version's shape with `pilothouse migrate`.", err=True)
            raise typer.Exit(EXIT_NO_DATABASE) from None
    if as_json:
        typer.echo(json.dumps(report, indent=1, ensure_ascii=False, default=str))
    else:
        show(report)
    if not report["ok"]:
        raise typer.Exit(EXIT_BROKEN)


def _quiet() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def build_report() -> dict[str, Any]:
    """Everything that `check` looks at, as the JSON object that it prints."""
    from pilothouse.kernel.watch import invariants

    promises = _promises()
    found = invariants.run_all()
    guards = list(_guards())
    ok = all(p["ok"] for p in promises.values()) and not any(i["rows"] for i in found) and all(g.ok for g in guards)
    return {
        "ok": ok,
        "promises": promises,
        "invariants": found,
        "guards": [asdict(guard) for guard in guards],
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


def _open_incidents() -> list[dict[str, Any]]:
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.queries import open_incidents

    with worker_scope("check"):
        return open_incidents()


def _guards() -> Iterator[Guard]:
    from pilothouse.kernel.base.catalogue import differences
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.base.sql import run
    from pilothouse.kernel.watch.promises import watch_for_stuck
    from pilothouse.site.health import CLOCK_SQL, clock_is_known
    from pilothouse.site.migrate import schema_hash

    with worker_scope("check"):
        changed = differences()
        (house,) = run("SELECT kind, schema_hash FROM house")
        clock = run(CLOCK_SQL)
    stuck = watch_for_stuck()
    production = _is_production(house["kind"])
    yield Guard("schema", house["schema_hash"] == schema_hash(), "The database has this version's shape.")
    yield _catalogue(changed)
    yield _seals()
    yield Guard(
        "never_stuck",
        not stuck,
        f"{len(stuck)} subjects wait for nothing: {stuck[0]['kind']} {stuck[0]['id']} is {stuck[0]['state']}."
        if stuck
        else "Everything that is open has something that moves it on.",
    )
    known = bool(clock) and clock_is_known(clock[0]["array"])
    yield Guard("clock", known, "Business time is the database's own." if known else "base.clock_now() was replaced.")
    yield _workers()
    yield from production_guards(production)


def _is_production(kind_of_database: str) -> bool:
    from django.conf import settings

    return "production" in (kind_of_database, settings.HOUSE_KIND)


def _catalogue(changed: list[str]) -> Guard:
    if not changed:
        return Guard("catalogue", True, "Policies, grants and forced row-level security are the declared ones.")
    more = f" And {len(changed) - 5} more." if len(changed) > 5 else ""
    return Guard("catalogue", False, " ".join(changed[:5]) + more)


def _seals() -> Guard:
    from pilothouse.kernel.ledger.errors import HeadsUnreadable
    from pilothouse.kernel.ledger.sealing import verify

    try:
        broken = verify()
    except HeadsUnreadable as error:
        return Guard("seals", False, str(error))
    if broken:
        return Guard("seals", False, f"{len(broken)} sealed blocks are broken, first: {broken[0]}.")
    return Guard("seals", True, "Every sealed block hashes to what was sealed, and to the exported heads.")


def _workers() -> Guard:
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.queries import heartbeat_age
    from pilothouse.site.tree import running

    alone = os.environ.get("PILOTHOUSE_TEST_SERVER") or os.environ.get(OWN_SERVER)
    if alone or not (os.environ.get("DATABASE_URL") or running(data_folder())):
        return Guard("workers", True, "The house is not running, so no worker is expected.")
    from pilothouse.kernel.watch.limits import HEARTBEAT_FRESH_S

    with worker_scope("check"):
        age = heartbeat_age()
    if age is None:
        return Guard("workers", False, "No worker has ever been heard of.")
    return Guard("workers", age <= HEARTBEAT_FRESH_S, f"The freshest worker was heard of {age:.0f} s ago.")


def production_guards(production: bool) -> Iterator[Guard]:
    """What must not be so where real customers are. Elsewhere each is allowed, and says so."""
    from django.conf import settings

    allowed = "" if production else " This is no production house."
    local = settings.WEBHOOK_ALLOW_LOCAL
    yield Guard(
        "webhook_addresses",
        not (production and local),
        f"WEBHOOK_ALLOW_LOCAL is on: webhooks may reach this machine and its network.{allowed}"
        if local
        else "Webhooks reach public HTTPS addresses only.",
    )
    debug = settings.DEBUG
    yield Guard(
        "debug",
        not (production and debug),
        f"DEBUG is on: errors show the code to everybody.{allowed}" if debug else "Errors show no code.",
    )
    weak = _weak_secrets()
    yield Guard(
        "secrets",
        not (production and weak),
        f"{' and '.join(weak)} came from a sample or can be guessed.{allowed}" if weak else "No secret is a sample's.",
    )


def _weak_secrets() -> list[str]:
    from django.conf import settings

    key = settings.SECRET_KEY
    sampled = any(word in key.lower() for word in SECRETS_OF_SAMPLES)
    weak = ["SECRET_KEY"] if sampled or len(set(key)) < SECRET_KEY_MIN_DISTINCT_CHARACTERS else []
    address = urlsplit(os.environ.get("DATABASE_URL", ""))
    if address.hostname not in (None, *LOCAL_HOSTS) and (address.password or "") in PASSWORDS_OF_SAMPLES:
        weak.append("the password in DATABASE_URL")
    return weak


def show(report: dict[str, Any]) -> None:
    """The report as tables for people."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table("", "Check", "Rows", "What it finds", box=None, pad_edge=False)
    for name, entry in report["promises"].items():
        first = entry["sample"][0]["what"] if entry["sample"] else ""
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
