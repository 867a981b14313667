"""`pilothouse grant …` and `pilothouse ledger reverse`: credits moved by hand, by one operator or by two.

With `--as` the command is that operator's, under the same rules as at the desk; approving asks for their password,
because a shell alone would let one person be two. Without `--as` the host itself grants, within one person's day.
"""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from . import app
from .acting import AsOption, JsonOption, TenantArgument, account, acting_scope, operator_id, working
from .ledger import ledger_app
from .tables import say

if TYPE_CHECKING:
    from pilothouse.kernel.ledger.grants import Asked

DEFAULT = "add"
BELOW_ZERO = re.compile(r"-\d+")


class _GrantGroup(TyperGroup):
    """`pilothouse grant TENANT 100 …` is `pilothouse grant add TENANT 100 …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] != "--help" and args[0].startswith(("ten_", "-")):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


class _AmountCommand(TyperCommand):
    """Takes a number below zero for the amount, so that what refuses it speaks of the amount and not of an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        valued = {name for each in self.params if not getattr(each, "is_flag", False) for name in each.opts}
        is_amount = [
            BELOW_ZERO.fullmatch(word) is not None and before not in valued
            for before, word in zip(["", *args], args, strict=False)
        ]
        if "--" not in args and any(is_amount):
            rest = [word for word, amount in zip(args, is_amount, strict=True) if not amount]
            args = [*rest, "--", *(word for word, amount in zip(args, is_amount, strict=True) if amount)]
        return super().parse_args(ctx, args)


grant_app = typer.Typer(
    cls=_GrantGroup, no_args_is_help=True, help="Add credits: pilothouse grant TENANT AMOUNT --description …"
)
app.add_typer(grant_app, name="grant")

RequestArgument = Annotated[str, typer.Argument(help="The request's id, for example grq_01k….")]


@grant_app.command(DEFAULT, cls=_AmountCommand)
def add(
    tenant: TenantArgument,
    amount: Annotated[int, typer.Argument(help="Credits to add.")],
    description: Annotated[str, typer.Option(help="What it is for; the same text is never granted twice.")],
    source: Annotated[str, typer.Option(help="pilot_grant, purchase or adjustment.")] = "pilot_grant",
    operator: AsOption = "",
    test: Annotated[bool, typer.Option("--test", help="Credits of test keys, without value.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add credits to a tenant's wallet, once for each source and description; more than 1,000 a day wait for a second
    operator, which needs --as."""
    by_shell = not operator and not test
    with acting_scope("", "grant") if by_shell else working(operator):
        from pilothouse.kernel.ledger import commands
        from pilothouse.kernel.ledger.grants import Asked, grant_by_shell, request_grant
        from pilothouse.kernel.ledger.models import CREDIT, TEST

        unit = TEST if test else CREDIT
        found = account(tenant)
        if operator:
            asked = request_grant(operator_id(operator), found.id, amount, source, description, unit=unit)
        elif by_shell:
            asked = grant_by_shell(found.id, amount, source, description)
        else:
            posted = commands.grant(found.id, amount, source, description, test=True)
            asked = Asked("", "granted", found.id, amount, unit, posted.journal, posted.replayed)
        body, words = _told(asked, found.public_id)
    say(body, as_json, words)


@grant_app.command()
def approve(request: RequestArgument, operator: AsOption, as_json: JsonOption = False) -> None:
    """Approve another operator's request; asks for your password (on a terminal, else the first line of the input)."""
    with working(operator):
        from pilothouse.kernel.ledger.grants import approve_grant

        body, words = _told(approve_grant(operator_id(operator, password=True), request))
    say(body, as_json, words)


@grant_app.command()
def refuse(
    request: RequestArgument,
    operator: AsOption,
    reason: Annotated[str, typer.Option(help="Why; the one who asked reads it.")],
    as_json: JsonOption = False,
) -> None:
    """Refuse a waiting request, or withdraw your own; nothing moves."""
    with working(operator):
        from pilothouse.kernel.ledger.grants import refuse_grant

        body, words = _told(refuse_grant(operator_id(operator), request, reason))
    say(body, as_json, words)


@grant_app.command("list")
def waiting(
    everything: Annotated[bool, typer.Option("--all", help="Also the answered ones.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the requests that wait for a second operator, newest first."""
    with working():
        from pilothouse.kernel.ledger.grants import grant_requests

        rows = grant_requests(None if everything else "requested")
    lines = [
        f"{row['public_id']}  {row['state']}  {row['kind']} {row['amount']} {row['unit']}  {row['tenant_name']}  "
        f"asked by {row['asked_by_email']}: {row['description']}"
        for row in rows
    ]
    say({"ok": True, "requests": rows}, as_json, "\n".join(lines) or "Nothing waits for a second operator.")


@ledger_app.command()
def reverse(
    journal: Annotated[str, typer.Argument(help="The grant's ledger entry, for example jrn_7d0c….")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger.")],
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a grant back by a reversal, under the rule of a grant: what one may move in a day, else two operators."""
    with working(operator):
        from pilothouse.kernel.ledger import commands
        from pilothouse.kernel.ledger.grants import Asked, request_reversal
        from pilothouse.kernel.ledger.queries import grant_of_entry, journal_amount

        found = grant_of_entry(journal)
        key, owner = found["id"], found["tenant"]
        if operator:
            asked = request_reversal(operator_id(operator), owner, key, reason)
        else:
            posted = commands.reverse(owner, key, reason)
            amount, unit = journal_amount(owner, key)
            asked = Asked("", "granted", owner, amount, unit, posted.journal, posted.replayed)
        body, words = _told(asked, found["tenant_id"])
    say(body, as_json, words)


def _told(asked: "Asked", tenant: str = "") -> tuple[dict[str, Any], str]:
    """What became of a grant, as JSON and in words; read in the same transaction, told when it is committed."""
    from pilothouse.kernel.ledger.queries import balance, entry_id

    wallet = balance(asked.tenant, asked.unit)
    body: dict[str, Any] = {
        "ok": True, "tenant": tenant, "request": asked.request, "state": asked.state,
        "entry": entry_id(asked.tenant, asked.journal) if asked.journal else None, "replayed": asked.replayed,
        "available": wallet.available, "held": wallet.held,
    }  # fmt: skip
    state = {
        "requested": f"wait for a second operator: pilothouse grant approve {asked.request} --as …",
        "refused": "were refused",
        "expired": "were not approved in time",
    }.get(asked.state, "were moved before" if asked.replayed else "were moved")
    words = f"{asked.amount} credits {state}. The wallet has {wallet.available} available, {wallet.held} held."
    return body, words
