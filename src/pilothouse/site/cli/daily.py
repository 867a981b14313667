"""`pilothouse digest`, `review` and `errors`: a pilot's day and week, and what went wrong, without a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from . import app
from .acting import JsonOption, PaperOption, check_piloted, operating, working
from .tables import print_json

ProgramArgument = Annotated[str, typer.Argument(help="The program, such as deals.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="The account's public id; all by default.")]


@contextmanager
def plans_of(program: str, tenant: str) -> Iterator[list[Any]]:
    """The followed pilots of a program, in the worker's scope; what has work and is not followed yet is from now on."""
    with working():
        from pilothouse.pilots.digests import access_plan, follow_all
        from pilothouse.pilots.models import DigestPlan

        check_piloted(program)
        follow_all()
        if tenant:
            yield [access_plan(program, tenant)]
        else:
            yield list(DigestPlan.objects.select_related("tenant").filter(program=program).order_by("id"))


@app.command()
def digest(
    program: ProgramArgument,
    tenant: TenantOption = "",
    part: Annotated[str, typer.Option(help="morning, afternoon or evening; the whole day by default.")] = "",
    day: Annotated[str, typer.Option(help="A local day such as 2026-03-02; today by default.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Print a pilot's daily checklist as the data fill it in."""
    with plans_of(program, tenant) as plans:
        from pilothouse.kernel.base.clock import business_now
        from pilothouse.kernel.base.days import day as parsed_day
        from pilothouse.kernel.base.errors import InvalidInput
        from pilothouse.kernel.watch.pilot_facts import facts_of
        from pilothouse.pilots.checklist import as_text, checklist
        from pilothouse.pilots.times import PARTS, local_day

        if part and part not in PARTS:
            raise InvalidInput(reason=f"A part is {', '.join(PARTS)}.")
        if day and parsed_day(day) is None:
            raise InvalidInput(reason="A day is written as 2026-03-02.")
        found, now = [], business_now()
        for plan in plans:
            zone = plan.tenant.timezone
            shown = checklist(plan, facts_of(program), parsed_day(day) or local_day(now, zone), now, zone)
            blocks = [block for block in shown["blocks"] if part in ("", block["part"])]
            found.append({"tenant": plan.tenant.public_id, "name": plan.tenant.name, **shown, "blocks": blocks})
    if as_json:
        print_json(found)
        return
    for one in found:
        typer.echo(f"{one['name']} ({one['tenant']})\n{as_text(one)}\n")
    if not found:
        typer.echo(f"No account has work of {program} yet.")


@app.command()
def review(
    program: ProgramArgument,
    tenant: TenantOption = "",
    out: PaperOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a pilot's weekly review: metrics against targets, trends, versions compared, feedback."""
    if out is not None and not tenant:
        raise typer.BadParameter("--out needs --tenant.")
    with plans_of(program, tenant) as plans:
        from pilothouse.kernel.base.clock import business_now
        from pilothouse.kernel.watch.pilot_facts import facts_of
        from pilothouse.pilots import review as reviews

        found = [
            {"tenant": plan.tenant.public_id, "name": plan.tenant.name}
            | reviews.review(plan, facts_of(program), business_now())
            for plan in plans
        ]
        if out is not None:
            from pilothouse.pilots.paper_files import write_paper
            from pilothouse.pilots.review_paper import review_paper

            write_paper(review_paper(plans[0], facts_of(program), business_now()), out)
    if as_json:
        print_json(found)
        return
    for one in found:
        typer.echo(f"{one['name']} ({one['tenant']})\n{reviews.as_text(one)}\n")
    if not found:
        typer.echo(f"No account has work of {program} yet.")


@app.command()
def errors(
    hours: Annotated[int, typer.Option(min=1, max=2160, help="How far back.")] = 24,
    kind: Annotated[str, typer.Option(help="server, browser or refused; all by default.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List what went wrong, grouped and counted: our own errors, browsers', and refusals by their code."""
    with operating("pilothouse errors"):
        from pilothouse.kernel.base.errors import InvalidInput
        from pilothouse.kernel.watch import desk_queries
        from pilothouse.kernel.watch.error_log import BROWSER, REFUSED, SERVER

        kinds = (SERVER, BROWSER, REFUSED)
        if kind and kind not in kinds:
            raise InvalidInput(reason=f"A kind is {', '.join(kinds)}, not {kind!r}.")
        rows = desk_queries.errors(kind=kind, hours=hours)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['lately']:>6}  {row['kind']:<8} {row['code']} at {row['place']}: {row['words']}")
    if not rows:
        typer.echo(f"Nothing went wrong in {hours} hours.")
