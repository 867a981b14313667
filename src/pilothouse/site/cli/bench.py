"""`pilothouse bench NAME`: a measurement with its bare limit and its peer in the same run."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pilothouse.site.bench.limits import ROUNDS_COUNT, ROUNDS_MAX_COUNT, ROUNDS_MIN_COUNT

from . import app
from .acting import JsonOption
from .refusals import EXIT_REFUSED


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="items, ledger, api, webhooks, timers, pages, or all.")],
    rounds: Annotated[
        int, typer.Option(help="Interleaved rounds.", min=ROUNDS_MIN_COUNT, max=ROUNDS_MAX_COUNT)
    ] = ROUNDS_COUNT,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the database in this folder: the next run with it need not fill it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure on a throwaway database with ordinary durability. Exit 1 when a figure misses what it must hold."""
    from rich.console import Console

    from pilothouse.site.bench.run import BENCHES, run
    from pilothouse.site.bench.table import print_table

    if name != "all" and name not in BENCHES:
        raise typer.BadParameter(f"there is no bench {name!r}; there are {', '.join(BENCHES)} and all.")
    wanted = list(BENCHES) if name == "all" else [name]
    with Console(stderr=True).status("starting a throwaway database") as status:
        reports: dict[str, dict[str, Any]] = run(wanted, rounds, status.update, keep)
    if as_json:
        typer.echo(json.dumps(reports if name == "all" else reports[name], indent=1))
    else:
        print_table(reports)
    if not all(row["holds"] for report in reports.values() for row in report["table"]):
        raise typer.Exit(EXIT_REFUSED)
