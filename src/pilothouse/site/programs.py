"""Finds the programs: everything registered under the entry-point group `pilothouse.programs`."""

from functools import cache
from importlib.metadata import entry_points

from pilothouse.kernel.base.program import PROGRAMS, Program
from pilothouse.kernel.base.sql import Statements

GROUP = "pilothouse.programs"


def program_names() -> list[str]:
    """The names of all installed programs. Loads none of them."""
    return sorted(entry.name for entry in entry_points(group=GROUP))


def program_apps() -> list[str]:
    """The Django apps of all installed programs: the packages that hold their `program.py`. Loads none of them."""
    return sorted({entry.module.rpartition(".")[0] for entry in entry_points(group=GROUP)})


@cache
def load_programs() -> dict[str, Program]:
    """All installed programs by name. Loading one registers its lifecycles, timers, promises and pages."""
    # Here, because the settings name the programs' apps before any table may be imported.
    from pilothouse.kernel.ledger.queries import register_completeness

    found: dict[str, Program] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda item: item.name):
        program = entry.load()
        if not isinstance(program, Program):
            raise TypeError(f"{entry.value} is not a Program")
        if program.reconcile is not None:
            register_completeness(program.name, Statements(str(program.reconcile / "x"), "."))
        PROGRAMS[program.name] = program
        found[program.name] = program
    return found
