"""Who acts and on what: the options that many commands share, and the scopes in which commands work."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pilothouse.kernel.base.errors import Forbidden, NotFound

from .database import database_up
from .refusals import FileUnusable
from .tables import say

if TYPE_CHECKING:
    from pilothouse.kernel.base.models import Tenant

DataOption = Annotated[Path, typer.Option("--data", envvar="DATA", help="The data folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
TenantArgument = Annotated[str, typer.Argument(help="The account's public id, for example ten_01k….")]
AsOption = Annotated[str, typer.Option("--as", help="The operator's e-mail address; the timeline keeps it.")]
ByOption = Annotated[str, typer.Option("--by", help="Who acts; the history keeps the name.")]


def _paper_file(out: Path | None) -> Path | None:
    if out is not None and out.suffix not in (".md", ".pdf"):
        raise typer.BadParameter("it ends in .md or .pdf.")
    return out


PaperOption = Annotated[
    Path | None, typer.Option("--out", callback=_paper_file, help="A file that ends in .md or .pdf; printed otherwise.")
]


def whoami() -> str:
    """The name of whoever has this shell; a container's user may have a number alone."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def actor(operator: str = "") -> str:
    """How the timeline names who acts: an operator, else whoever has a shell on this host."""
    return f"operator:{operator}" if operator else f"cli:{whoami()}"


@contextmanager
def answering(as_json: bool, *, makes: bool = False) -> Iterator[dict[str, Any]]:
    """Run a command on the database, then print what it put into the answer: its `sentence`, or with JSON the rest."""
    found: dict[str, Any] = {}
    with database_up(makes=makes):
        yield found
    sentence = found.pop("sentence")
    say({"ok": True, **found}, as_json, sentence)


@contextmanager
def operating(what: str, by: str = "") -> Iterator[None]:
    """The operators' scope on the database; `what` is noted beside what was looked at."""
    with database_up():
        from pilothouse.kernel.base.scope import ops_scope

        with ops_scope(by or actor(), what):
            yield


@contextmanager
def working(operator: str = "") -> Iterator[None]:
    """The worker's scope on the database, across accounts."""
    with database_up():
        from pilothouse.kernel.base.scope import worker_scope

        with worker_scope(actor(operator)):
            yield


@contextmanager
def acting_scope(operator: str, what: str = "pilot") -> Iterator[None]:
    """The operators' scope on the database, for `what`, in the name of an operator who may change things, if any."""
    with database_up():
        from pilothouse.kernel.base.scope import ops_scope

        if operator:
            with ops_scope(actor(), what):
                operator = _address(operator)
        with ops_scope(actor(operator), what):
            yield


class NoSuchProgram(NotFound):
    """No program of this name is installed, or it does not do what was asked."""

    message = "There is no program {program!r} for this; there is {known}."


class NoSuchAccount(NotFound):
    """No account has this id."""

    message = "There is no account {account}. They are listed by `pilothouse tenant list`."


def account(public_id: str) -> "Tenant":
    """The account with this id, in a scope that sees it; raises NoSuchAccount."""
    from pilothouse.kernel.base.models import Tenant

    found = Tenant.objects.filter(public_id=public_id).first()
    if found is None:
        raise NoSuchAccount(account=public_id)
    return found


def operator_id(email: str, *, password: bool = False) -> int:
    """The user id of an operator; with `password` only of one who proves to be it."""
    from pilothouse.kernel.access.models import Operator

    found = Operator.objects.filter(user__email=email.strip().lower()).select_related("user").first()
    if found is None:
        raise Forbidden(needed="an operator's account")
    if password:
        typed = (
            typer.prompt(f"Password of {email}", hide_input=True, err=True)
            if sys.stdin.isatty()
            else sys.stdin.readline().rstrip("\n")
        )
        if not found.user.check_password(typed):
            raise Forbidden(needed="the right password (without one, approve at the desk)")
    return found.user_id


def _address(email: str) -> str:
    """The address of an operator who may change things: nobody's name would stand in the timeline for ever."""
    from pilothouse.kernel.access.desk import DESK_WRITERS
    from pilothouse.kernel.access.models import Operator

    found = Operator.objects.filter(user__email=email.strip().lower(), role__in=DESK_WRITERS)
    address: str | None = found.values_list("user__email", flat=True).first()
    if address is None:
        raise Forbidden(needed=f"an account of {' or '.join(DESK_WRITERS)}")
    return address


def check_program(name: str, *others: str) -> None:
    """Raise NoSuchProgram unless it is the name of an installed program or one of the others. Needs no settings."""
    from pilothouse.site.programs import program_names

    known = [*program_names(), *others]
    if name not in known:
        raise NoSuchProgram(program=name, known=", ".join(known))


def check_piloted(name: str) -> None:
    """Raise NoSuchProgram unless this program says what a pilot of it does each day. Needs the programs loaded."""
    from pilothouse.kernel.watch.pilot_facts import piloted

    known = [facts.program for facts in piloted()]
    if name not in known:
        raise NoSuchProgram(program=name, known=", ".join(known))


def read_text(path: Path) -> str:
    """The text of a file that somebody wrote; raises FileUnusable when it is none."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise FileUnusable(path=path, reason="It is not a text in UTF-8") from None
