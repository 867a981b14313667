"""`pilothouse deals …`: the deals of every marketplace, each with its money, its timers and its timeline."""

import json
from typing import Annotated, Any

import typer

from . import app
from .acting import JsonOption, operating
from .tables import print_json, print_table

deals_app = typer.Typer(no_args_is_help=True, help="Escrow deals and the terms that they are made with.")
app.add_typer(deals_app, name="deals")
WHAT = "pilothouse deals"


@deals_app.command("list")
def list_deals(
    state: Annotated[str, typer.Option(help="Only deals in this state, for example INSPECTION.")] = "",
    search: Annotated[str, typer.Option(help="A deal's id, or words of its title.")] = "",
    count: Annotated[int, typer.Option("--count", help="How many, the newest first.", min=1, max=500)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List deals, newest first, each with the timer that runs."""
    with operating(WHAT):
        from pilothouse.kernel.base.errors import InvalidInput
        from pilothouse.programs.deals.operator_view import deal_rows
        from pilothouse.programs.deals.queries import DEAL_STATES

        if state and state not in DEAL_STATES:
            raise InvalidInput(reason=f"A deal is {', '.join(DEAL_STATES)}, not {state!r}.")
        rows = deal_rows(state=state, search=search, count=count)
        if as_json:
            print_json({"ok": True, "deals": rows})
            return
        columns = {
            "deal_id": "Deal", "state": "State", "title": "What", "price_text": "Price", "in_escrow_text": "In escrow",
            "timer": "Timer", "due_at": "Due (UTC)", "terms": "Terms",
        }  # fmt: skip
        print_table(_with_amounts(rows, "price", "in_escrow"), columns, "No deal matches.")


@deals_app.command()
def show(
    deal: Annotated[str, typer.Argument(help="The deal's id, for example deal_01k….")], as_json: JsonOption = False
) -> None:
    """Show one deal: where its money is, what happens next by itself, its dispute, timers and timeline."""
    with operating(WHAT):
        from pilothouse.programs.deals.operator_view import deal_view

        told = deal_view(deal)
        if as_json:
            print_json({"ok": True, **told})
        else:
            _print_deal(told)


def _print_deal(told: dict[str, Any]) -> None:
    from pilothouse.ui.units import amount_text

    unit = told["unit"]
    typer.echo(f"{told['deal_id']}  {told['state']}  {told['title']}")
    typer.echo(f"{told['account']}: {told['seller'] or 'nobody yet'} sells to {told['buyer'] or 'nobody yet'}")
    typer.echo(f"Terms {told['terms']}, {told['terms_hash'][:12]}; price {amount_text(told['price'], unit)}")
    if told["ended_by"]:
        typer.echo(f"Ended {told['ended_at']}: {told['ended_by']}")
    money = [{"where": name.replace("_", " "), "amount": amount_text(n, unit)} for name, n in told["money"].items()]
    typer.echo("")
    print_table(money, {"where": "Money", "amount": "Amount"}, "")
    for place, word in (("forecast", "If nothing happens"), ("dispute", "Dispute")):
        if told[place]:
            words = ", ".join(f"{name} {value}" for name, value in told[place].items() if name != "lines")
            typer.echo(f"\n{word}: {words}")
    if told["dispute"]:
        columns = {"line": "Line", "code": "Reason", "claimed": "Claimed", "outcome": "Outcome", "granted": "Granted"}
        print_table(told["dispute"]["lines"], columns, "")
    typer.echo("")
    timers = {"name": "Timer", "state": "State", "due_at": "Due (UTC)", "ended_at": "Ended (UTC)"}
    print_table(told["timers"], timers, "No timer was ever armed.")
    typer.echo("")
    events = [{**event, "data": json.dumps(event["data"], ensure_ascii=False)} for event in told["timeline"]]
    print_table(events, {"at": "At (UTC)", "actor": "Who", "type": "What", "data": "Values"}, "Nothing happened yet.")


def _with_amounts(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    from pilothouse.ui.units import amount_text

    return [{**row, **{f"{name}_text": amount_text(row[name], row["unit"]) for name in names}} for row in rows]
