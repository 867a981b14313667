"""`pilothouse demo PROGRAM`: a real run of a program's main job, with its proof."""

import json
import os
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from . import app, setup
from .acting import DataOption, JsonOption, NoSuchProgram, check_program
from .database import database_up, joined

PILOT = "pilot"
# The first instant of a rehearsal: a Monday morning in Ulaanbaatar.
REHEARSAL_BEGINS = (2026, 3, 2, 1, 0)


@app.command()
def demo(
    program: Annotated[str, typer.Argument(help="A program, for example video; or pilot: two whole pilots.")],
    items: Annotated[int, typer.Option(help="Items of the batch, 10 to 50.", min=10, max=50)] = 10,
    fail: Annotated[int, typer.Option(help="How many items ask for refused content.", min=0)] = 1,
    as_json: JsonOption = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the database of a rehearsal for a look at it.")] = False,
    data: DataOption = Path(".data"),
) -> None:
    """Run the demo on the running house, or start one for it, and end with the proof. Exit 1 when it does not hold."""
    if fail > items:
        raise typer.BadParameter("--fail cannot be more than --items.")
    check_program(program, PILOT)
    data = data.absolute()
    live = joined(data)
    options = {"items": items, "fail": fail}
    if live:
        urls = live["urls"]
        os.environ.update(DATA=str(data), SITE_URL=urls["site"], LIVE_URL=urls["live"], HOUSE_KIND="demo")
        code = _pilots(data, keep, as_json) if program == PILOT else _rehearse(program, data, keep, as_json)
        code = _prove(program, data, options, as_json) if code is None else code
    else:
        code = _with_house(program, data, options, keep, as_json)
    raise typer.Exit(code)


def _with_house(program: str, data: Path, options: dict[str, int], keep: bool, as_json: bool) -> int:
    """Start web, live, worker and the embedded database for the demo; stop all of it afterwards.

    A rehearsal needs the database alone.
    """
    from pilothouse.site.house import HouseOptions, build_house
    from pilothouse.site.tree import Tree

    def prepare(tree: Tree) -> None:
        setup()
        from pilothouse.site.migrate import migrate
        from pilothouse.site.seed import seed

        migrate()
        seed()

    tree, _ = build_house(
        HouseOptions(data, kind="demo", web_port=0, live_port=0, quiet=as_json, passing=True), prepare
    )
    if program == PILOT:
        return tree.run(lambda _: _pilots(data, keep, as_json))
    rehearsed = _rehearse(program, data, keep, as_json)
    if rehearsed is not None:
        return rehearsed
    return tree.run(lambda _: _prove(program, data, options, as_json))


def _rehearse(program: str, data: Path, keep: bool, as_json: bool) -> int | None:
    """Run the demo of a program that plays it in a rehearsal's database; None for one that needs the whole house."""
    setup()
    from pilothouse.site.programs import load_programs

    known = load_programs().get(program)
    if known is None or known.rehearse is None:
        return None
    began = time.monotonic()
    with database_up(makes=True), _rehearsed(program, keep) as database:
        say = (lambda line: None) if as_json else (lambda line: typer.echo(line, err=True))
        proof = known.rehearse(folder=data / "demo" / program, say=say)
    proof["proof"] |= {"database": database if keep else None, "seconds": round(time.monotonic() - began, 1)}
    typer.echo(json.dumps(proof, indent=2, ensure_ascii=False) if as_json else _short(proof))
    return 0 if proof["proof"]["holds"] else 1


def _rehearsed(label: str, keep: bool) -> AbstractContextManager[str]:
    """A rehearsal's database, at the first instant of every rehearsal."""
    import logging
    from datetime import UTC, datetime

    from pilothouse.site.rehearsal import rehearsal

    # What the stories do on purpose, such as a dispute that nobody decides, is no news for whoever watches.
    logging.getLogger("pilothouse").setLevel(logging.ERROR)
    return rehearsal(label, datetime(*REHEARSAL_BEGINS, tzinfo=UTC), keep=keep)


def _pilots(data: Path, keep: bool, as_json: bool) -> int:
    """Two whole pilots: a customer's on this house, and a market's six weeks in a rehearsal."""
    setup()
    from pilothouse.site.migrate import refuse_other_kind
    from pilothouse.site.pilot_demo import run_video, told
    from pilothouse.site.pilot_demo_deals import run_deals
    from pilothouse.site.pilot_demo_failures import failures_told, run_failures

    refuse_other_kind("demo")

    def say(line: str) -> None:
        if not as_json:
            typer.echo(f"  {line}", err=True)

    say("An enterprise customer, on this house.")
    runs = {"video": run_video(data, say)}
    say("A market and its six weeks, in a rehearsal's database.")
    with _rehearsed(PILOT, keep):
        runs["deals"] = run_deals(data, say)
    say("How pilots fail, in another.")
    with _rehearsed("failures", keep):
        failures = run_failures(say)
    found = {**runs, "failures": failures, "holds": failures["holds"] and all(run["holds"] for run in runs.values())}
    lines = [*map(told, runs.values()), failures_told(failures)]
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else "\n".join(lines))
    return 0 if found["holds"] else 1


def _short(proof: dict[str, Any]) -> str:
    """A rehearsal's proof for a person: how the deals ended, and where the money of each currency is."""
    states = ", ".join(f"{count} {state}" for state, count in proof["by_state"].items())
    lines = ["", f"{len(proof['deals'])} deals: {states}"]
    for unit, money in proof["money"].items():
        parts = {name: money[name] for name in ("to_sellers", "to_buyers", "in_escrow", "suspense")}
        equal = "✓" if money["in"] == sum(parts.values()) else "✗"
        words = " + ".join(f"{amount} {name}" for name, amount in parts.items())
        lines.append(f"{unit}, minor units: {money['in']} in = {words} {equal}")
        lines += [
            f"  {name}: {paid} paid, {money['unpaid'][name]} not paid yet" for name, paid in money["paid"].items()
        ]
    lines += [f"{each['sha256']}  {each['path']}" for each in proof["exports"]]
    return "\n".join([*lines, "Every number holds." if proof["proof"]["holds"] else "The proof does NOT hold."])


def _prove(program: str, data: Path, options: dict[str, int], as_json: bool) -> int:
    setup()
    from pilothouse.site.migrate import refuse_other_kind

    refuse_other_kind("demo")
    proof = _run(program, data, options, None if as_json else lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(proof, indent=2))
    else:
        print_proof(proof)
    return 0 if holds(proof) else 1


def _run(program: str, data: Path, options: dict[str, int], say: Any, **more: Any) -> dict[str, Any]:
    from pilothouse.site.programs import load_programs

    programs = load_programs()
    run_demo = programs[program].demo
    if run_demo is None:
        raise NoSuchProgram(program=program, known=", ".join(name for name, each in programs.items() if each.demo))
    return run_demo(data=data, **options, **({"say": say} if say else {}), **more)


def holds(proof: dict[str, Any]) -> bool:
    """Whether the equation, the webhook and all four promises hold."""
    money = proof["ledger"]
    return (
        money["reserved"] == money["settled"] + money["refunded"]
        and money["in_flight"] == 0
        and proof["webhook"]["verified"]
        and len(proof["promises"]) == 4
        and all(proof["promises"].values())
    )


def print_proof(proof: dict[str, Any]) -> None:
    """The proof for a person: what finished, where the money is, what was promised and holds."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    money, counts = proof["ledger"], proof["summary"]
    table = Table(title=f"Proof of batch {proof['batch_id']}", title_justify="left", show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    table.add_row("Videos", f"{counts['succeeded']} of {counts['total']} finished{failed}, in {proof['seconds']:.0f} s")
    equal = "✓" if money["reserved"] == money["settled"] + money["refunded"] else "✗"
    parts = f"{money['settled']} settled + {money['refunded']} refunded"
    table.add_row("Credits", f"{money['reserved']} reserved = {parts} {equal}")
    genuine = "signature verified ✓" if proof["webhook"]["verified"] else "not received ✗"
    table.add_row("Webhook", f"batch.completed, {genuine}, attempt {proof['webhook']['attempts']}")
    table.add_row("Promises", "  ".join(f"{name} {'✓' if ok else '✗'}" for name, ok in proof["promises"].items()))
    table.add_row("Files", str(Path(proof["outputs"][0]).parent) if proof["outputs"] else "none")
    console.print(table)


def show_demo(env: dict[str, str]) -> None:
    """Run the demo batch on a house that stays up, printing where to look before it starts and the proof after."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    site, data = env["SITE_URL"], Path(env["DATA"])

    def created(world: Any, batch_id: str) -> None:
        from pilothouse.programs.deals import demo_world

        demo_world.open_market(data / "demo.json")
        market = [(key, mail) for key, (mail, _role, _name) in demo_world.PEOPLE.items()]
        console.print()
        console.print(f"[bold]Watch it[/bold]   {site}/batches/{batch_id}/")
        for role, mail in {**world.people, **dict(market)}.items():
            console.print(f"[bold]Sign in[/bold]    {mail}  ({role})  password {world.password}")
        console.print(f"[bold]API key[/bold]    {world.api_key}")
        header = f"-H 'Authorization: Bearer {world.api_key}'"
        console.print(f"[bold]Mails[/bold]      {data}/mails holds each as a file")
        console.print(f"[bold]Try it[/bold]     curl -s {site}/v1/credits/balance {header}")
        console.print()

    proof = _run("video", data, {"items": 10, "fail": 1}, lambda line: console.print(f"  {line}"), on_created=created)
    print_proof(proof)
    console.print(f"\n[bold]{site}[/bold] stays up until Ctrl-C.\n")
    sys.stdout.flush()
