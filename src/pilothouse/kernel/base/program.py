"""What a program says about itself, in its one `program.py`; the kernel does the rest."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the navigation: a label, the name of a url, and the roles that see it."""

    label: str
    url_name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A program's declaration.

    Names are strings and callables, not kernel objects, so that base needs nothing from above. `app` is its Django
    app, `lifecycles` the names of its transition tables, `promises` and `invariants` the folders of SQL files whose
    queries must return no row, `api` adds its routers to the JSON API, `urls` is its pages' url module, `pumps` are
    its due rows for the worker, `demo` runs its demo against a live address and returns the proof.
    """

    name: str
    title: str
    app: str
    lifecycles: tuple[str, ...] = ()
    promises: Any = None
    invariants: Any = None
    api: Callable[[Any], None] | None = None
    urls: str = ""
    navigation: tuple[NavItem, ...] = ()
    pumps: Callable[[], list[Any]] | None = None
    periodic: Callable[[], list[Any]] | None = None
    metrics: Callable[[], list[Any]] | None = None
    demo: Callable[..., dict[str, Any]] | None = None
    demo_world: Callable[..., dict[str, Any]] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
