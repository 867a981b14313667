"""In whose name a command acts: an operator's with `--as`, else whoever has a shell on this host."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from . import setup
from .database import database_up
from .ledger import _refusals

AsOption = Annotated[str, typer.Option("--as", help="The operator's e-mail address; the timeline keeps it.")]


@contextmanager
def acting_scope(operator: str, as_json: bool) -> Iterator[None]:
    """The operators' scope on the database. A refusal is one sentence (or its JSON) and exit 2."""
    with database_up():
        setup()
        from pilothouse.kernel.base.scope import ops_scope

        actor = f"cli:{getpass.getuser()}"
        with _refusals(as_json):
            if operator:
                with ops_scope(actor, "pilot"):
                    actor = f"operator:{_address(operator)}"
            with ops_scope(actor, "pilot"):
                yield


def _address(email: str) -> str:
    """The address of an operator who may change things: nobody's name would stand in the timeline for ever."""
    from pilothouse.kernel.access.desk import DESK_WRITERS
    from pilothouse.kernel.access.models import Operator
    from pilothouse.kernel.base.errors import Forbidden

    found = Operator.objects.filter(user__email=email.strip().lower(), role__in=DESK_WRITERS)
    address: str | None = found.values_list("user__email", flat=True).first()
    if address is None:
        raise Forbidden(needed=f"an account of {' or '.join(DESK_WRITERS)}")
    return address
