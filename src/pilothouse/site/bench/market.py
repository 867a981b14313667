"""A marketplace full of deals, written set by set: what the timers and the pages are measured on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import limits
from .statements import load
from .world import ACTOR, World

TEMPLATE = "MN_USED_CAR_PRIVATE"


@dataclass(frozen=True, slots=True)
class Market:
    """A tenant with seeded deals, by internal id, and the person who sells in all of them."""

    tenant: int
    seller: int


def seeded_market(world: World, name: str, mixed: bool, say: Callable[[str], Any]) -> Market:
    """The market of this name with its deals, which are written unless a kept database has them.

    `mixed` spreads them over every state; otherwise all are open, in inspection.
    """
    from pilothouse.kernel.access.commands import add_member, ensure_person
    from pilothouse.kernel.access.models import Member
    from pilothouse.kernel.base import clock
    from pilothouse.kernel.base.models import Tenant
    from pilothouse.kernel.base.scope import tenant_scope, worker_scope

    with worker_scope(ACTOR):
        tenant = Tenant.objects.filter(name=name).first()
        if tenant is None:
            tenant = Tenant.objects.create(name=name, timezone="Asia/Ulaanbaatar", created_at=clock.now())
    with tenant_scope(tenant.id, ACTOR):
        seller = ensure_person("seller@bench.example")
        if not Member.objects.filter(tenant_id=tenant.id, user=seller).exists():
            add_member(tenant.id, seller.email, "seller")
    market = Market(tenant.id, seller.id)
    with world.connect() as db:
        if not db.execute("SELECT EXISTS (SELECT FROM deal WHERE tenant = %s)", [tenant.id]).fetchone()[0]:
            _fill(db, market, mixed, say)
    return market


def _fill(db: Any, market: Market, mixed: bool, say: Callable[[str], Any]) -> None:
    """The deals, with triggers off on this connection of a superuser."""
    from pilothouse.kernel.base.scope import tenant_scope
    from pilothouse.kernel.ledger.commands import open_accounts
    from pilothouse.programs.deals.terms import in_force

    with tenant_scope(market.tenant, ACTOR):
        (bank,) = open_accounts(market.tenant, [("world_bank", "", "MNT")])
        terms = in_force(TEMPLATE)
    (first_tx,) = db.execute("SELECT base.tx()").fetchone()
    params = {
        "tenant": market.tenant, "seller": market.seller, "mixed": mixed, "deals": limits.SEED_DEALS_COUNT,
        "people": limits.SEED_BUYERS_COUNT, "first_tx": first_tx, "world": bank,
        "template": terms.name, "version": terms.version, "hash": terms.hash,
    }  # fmt: skip
    db.execute("SET session_replication_role = replica")
    for name, statement in load("seed_deals").items():
        say(f"seed: {name}")
        db.execute(statement, params)
    db.execute("RESET session_replication_role")
    say("seed: vacuum")
    db.execute("VACUUM ANALYZE")
