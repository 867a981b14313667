"""What a program says about itself, in its one `program.py`; the kernel does the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the navigation: a label, the name of a url, the roles that see it, its icon and its key after g."""

    label: str
    url_name: str
    roles: tuple[str, ...]
    icon: str = "film"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program's declaration.

    Names are strings and callables, not kernel objects, so that base needs nothing from above. `app` is its Django
    app, `lifecycles` the names of its transition tables, `promises` and `invariants` the folders of SQL files whose
    queries must return no row, `api` adds its routers to the JSON API, `urls` is its pages' url module, `pumps` are
    its due rows for the worker, `demo` runs its demo on a running house and returns the proof.
    """

    name: str
    title: str
    app: str
    lifecycles: tuple[str, ...] = ()
    promises: Any = None
    invariants: Any = None
    # The service-level objectives that it lives by (watch/slos.py).
    slos: Any = None
    # A folder of statements that return what has no partner between the ledger and this program's work.
    reconcile: Any = None
    api: Callable[[Any], None] | None = None
    urls: str = ""
    navigation: tuple[NavItem, ...] = ()
    # Its entries on the operator desk; their roles are those of operators.
    desk: tuple[NavItem, ...] = ()
    pumps: Callable[[], list[Any]] | None = None
    periodic: Callable[[], list[Any]] | None = None
    metrics: Callable[[], list[Any]] | None = None
    # Publishes the first terms; called in the worker's scope at every start, so it must be idempotent.
    seed: Callable[[], Any] | None = None
    demo: Callable[..., dict[str, Any]] | None = None
    # What digests, reviews, rollbacks and feedback forms read of it (watch/pilot_facts.py).
    pilot: Callable[[], Any] | None = None
    # Runs its demo inside a rehearsal's own database, whose time it moves, writing files below the folder it is given;
    # the proof says itself whether it `holds`. A program has either this or `demo`.
    rehearse: Callable[..., dict[str, Any]] | None = None
    # Who lives in a rehearsal of a pilot (base/rehearsal.py); a new one for each.
    population: Callable[[], Any] | None = None
    # A folder of runbooks (NAME_vN.toml), and the functions that their lines and criteria name (base/facts.py).
    runbooks: Any = None
    checks: Callable[[], Any] | None = None


# Every program of this installation by its name; whoever loads them fills it.
PROGRAMS: dict[str, Program] = {}


def program_title(name: str) -> str:
    """How a program is called; its name where it is not installed any longer."""
    return PROGRAMS[name].title if name in PROGRAMS else name
