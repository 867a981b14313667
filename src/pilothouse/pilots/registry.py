"""The programs that can be piloted, with the functions that their runbooks name."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pilothouse.kernel.base.facts import LineCheck, MeasureCheck, PilotChecks, PilotScope
from pilothouse.kernel.base.program import PROGRAMS


def programs_with_runbooks() -> list[str]:
    """The names of the programs that can be piloted, sorted."""
    return sorted(name for name, program in PROGRAMS.items() if program.runbooks is not None)


def runbook_files() -> Iterator[tuple[str, Path]]:
    """(program, file) of every first runbook that the installed programs carry."""
    for name in programs_with_runbooks():
        for path in sorted(Path(PROGRAMS[name].runbooks).glob("*_v1.toml")):
            yield name, path


@cache
def _own_checks(name: str) -> PilotChecks:
    program = PROGRAMS.get(name)
    found = program.checks() if program is not None and program.checks is not None else PilotChecks()
    assert isinstance(found, PilotChecks)
    return found


def line_check(program: str, name: str) -> LineCheck | None:
    """The function of a machine line or a failure condition: the program's own, or one that every pilot has."""
    from .common_checks import COMMON

    return _own_checks(program).lines.get(name) or COMMON.get(name)


def measure_check(program: str, name: str) -> MeasureCheck | None:
    """The function of a criterion or a metric: the program's own, or one that every pilot has."""
    from .common_checks import COMMON_MEASURES

    return _own_checks(program).measures.get(name) or COMMON_MEASURES.get(name)


def rows_of(program: str) -> Callable[[PilotScope], dict[str, list[dict[str, Any]]]] | None:
    """What gives the tables of an export; None where the program's pilots cannot be exported."""
    return _own_checks(program).rows


def program_slots(scope: PilotScope) -> Mapping[str, str]:
    """What the program of a pilot fills in its texts."""
    fill = _own_checks(scope.program).slots
    return fill(scope) if fill is not None else {}


def waits_for(program: str) -> LineCheck | None:
    """What says that something still runs at the deadline, so that the verdict waits; None where nothing can."""
    return _own_checks(program).waits


def parity_url(program: str, account: str, first: str = "", second: str = "") -> str:
    """Where operators make a proof of parity for an account, or look at one; empty where a program has none."""
    url = _own_checks(program).parity_url
    return url(account, first, second) if url is not None else ""
