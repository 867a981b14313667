"""Who is asking: an API key or a person, always in one tenant."""

from dataclasses import dataclass

from pilothouse.kernel.base.errors import Forbidden

from .errors import MissingScope
from .rate import count_export


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose right to act in one tenant is proven.

    `actor` is what timelines and journals name (`key:ek_pilot_…7f3a`, `user:ada@northwind.example`). `mode` is `test`
    for test keys, which run on the zero-value wallet. `key` is the key's row id, `user` the person's; one is None.
    """

    tenant: int
    tenant_public_id: str
    tenant_name: str
    actor: str
    role: str
    scopes: frozenset[str]
    mode: str = "live"
    key: int | None = None
    user: int | None = None

    def may(self, scope: str) -> bool:
        """Whether this caller has the scope."""
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Raise MissingScope (a key) or Forbidden (a person) when this caller lacks `scope`."""
        if self.may(scope):
            return
        if self.key is not None:
            raise MissingScope(needed=scope)
        raise Forbidden(needed=scope)

    def count_export(self) -> None:
        """Count one export of the tenant, before a scope is opened. Raises TooManyExports."""
        count_export(self.tenant)


def require(principal: Principal, scope: str) -> None:
    """Raise MissingScope (a key) or Forbidden (a person) when the caller lacks `scope`."""
    principal.require(scope)


@dataclass(frozen=True, slots=True)
class OperatorPrincipal:
    """One of us at the operator desk: the person's row id, their address and their operator role."""

    user: int
    email: str
    role: str

    @property
    def actor(self) -> str:
        """What timelines and journals name."""
        return f"operator:{self.email}"


@dataclass(frozen=True, slots=True)
class Membership:
    """One tenant in which a person is a member."""

    tenant: int
    public_id: str
    name: str
    role: str
    # In which its people read until they choose for themselves; empty for what their browsers ask for.
    language: str = ""


@dataclass(frozen=True, slots=True)
class Memberships:
    """All that a person may be here: tenants in the order of joining, their operator role (empty for none) and the
    language that they chose (empty for none)."""

    tenants: tuple[Membership, ...] = ()
    operator: str = ""
    language: str = ""
