"""Business time that somebody moves: for rehearsals, and for tests of what happens after days.

Only a database whose name begins with REHEARSAL_PREFIX can get it, so that no real promise is ever judged by it.
"""

from datetime import datetime
from typing import Any

from .sql import Statements, run

SQL = Statements(__file__)
REHEARSAL_PREFIX = "rehearsal_"


class NotARehearsal(RuntimeError):
    """The database holds real promises; its clock is the machine's."""


def install(connection: Any, at: datetime) -> None:
    """Replace business time of this database by one row that starts at `at` (a connection of the owner)."""
    (name,) = connection.execute("SELECT current_database()").fetchone()
    if not str(name).startswith(REHEARSAL_PREFIX):
        raise NotARehearsal(f"The database {name} is no rehearsal.")
    connection.execute(SQL.text("simulated_clock"))
    connection.execute("INSERT INTO base.simulated_clock (at) VALUES (%s)", [at])


def move_to(at: datetime) -> None:
    """Set business time forward, in the open scope; a time before the present one changes nothing."""
    run("UPDATE base.simulated_clock SET at = greatest(at, %s)", [at])
