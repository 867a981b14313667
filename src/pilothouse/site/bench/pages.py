"""`bench pages`: milliseconds of server time of every page, with a million items and, in a market, 100,000 deals.

The pages are those of the URL resolver that answer a GET with HTML, so a new page is measured without being named here;
one whose address has a parameter is measured when `examples` knows an object for it, and is listed otherwise. Each is
asked through every middleware, in this process, as a member of the large tenant, as an operator, or as the one person
who sells in all the deals.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import limits
from .market import Market, seeded_market
from .rounds import Spread
from .statements import load
from .table import row
from .world import ACTOR, World

HOLD_MS, AIM_MS = 150.0, 50.0
PARAMETER = re.compile(r"<(?:\w+:)?\w+>|\(\?P<\w+>[^)]*\)")
OK = 200
# The beginning of addresses whose next part is a parameter, and which example fills it.
EXAMPLES = {
    "/batches/": "batch", "/webhooks/deliveries/": "delivery", "/webhooks/": "endpoint", "/desk/accounts/": "tenant",
    "/desk/deliveries/": "delivery", "/desk/incidents/": "incident", "/desk/promises/": "check", "/docs/": "guide",
    "/docs/playbooks/": "playbook", "/keys/": "key", "/members/": "member", "/deals/": "deal", "/desk/deals/": "deal",
    "/admin/disputes/": "dispute", "/admin/disputes/handovers/": "contested", "/desk/terms/": "template",
    "/desk/payments/in/": "payment", "/desk/payments/out/": "payout",
}  # fmt: skip


def seed(world: World, say: Callable[[str], Any]) -> dict[str, Any]:
    """Write the million items of the first tenant, set by set, unless a kept database has them; {items, seconds}."""
    tenant = world.large
    began = time.perf_counter()
    with world.connect() as db:
        if not db.execute("SELECT EXISTS (SELECT FROM batch WHERE tenant = %s)", [tenant]).fetchone()[0]:
            _fill(db, tenant, say)
        (items,) = db.execute("SELECT count(*) FROM item WHERE tenant = %s", [tenant]).fetchone()
    return {"items": items, "seconds": round(time.perf_counter() - began, 1)}


def _fill(db: Any, tenant: int, say: Callable[[str], Any]) -> None:
    """The million items, with triggers off on this connection of a superuser."""
    from pilothouse.kernel.access.commands import issue_key
    from pilothouse.kernel.base.scope import tenant_scope, worker_scope
    from pilothouse.kernel.ledger.commands import open_accounts
    from pilothouse.kernel.outbox.endpoints import create_endpoint
    from pilothouse.kernel.watch.commands import open_incident

    with tenant_scope(tenant, ACTOR):
        endpoint = create_endpoint("http://127.0.0.1:9/hook").endpoint
        issue_key(tenant, "Bench")
        accounts = open_accounts(tenant, [(kind, "", "CREDIT") for kind in ("wallet", "held", "credits_earned")])
    with worker_scope(ACTOR):
        open_incident("slo_breach", "The incident of the bench", tenant=tenant)
    (first_tx,) = db.execute("SELECT base.tx()").fetchone()
    params = {
        "tenant": tenant, "first_tx": first_tx,
        "batches": limits.SEED_BATCHES_COUNT, "items": limits.SEED_BATCH_ITEMS_COUNT,
        "open": limits.SEED_OPEN_BATCHES_COUNT, "cost": limits.SEED_ITEM_COST_CREDITS, "endpoint": endpoint.id,
        **dict(zip(("wallet", "held", "earned"), accounts, strict=True)),
    }  # fmt: skip
    db.execute("SET session_replication_role = replica")
    for name, statement in load("seed_items").items():
        say(f"seed: {name}")
        db.execute(statement, params)
    db.execute("RESET session_replication_role")
    say("seed: vacuum")
    db.execute("VACUUM ANALYZE")


def addresses() -> Iterator[str]:
    """The route of every address of the site, as the resolver has it, without those of the JSON API."""
    from django.urls import URLResolver, get_resolver

    def walk(resolver: Any, prefix: str) -> Iterator[str]:
        for pattern in resolver.url_patterns:
            route = prefix + str(pattern.pattern).replace("^", "").replace("$", "")
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, route)
            else:
                yield "/" + route

    yield from sorted({route for route in walk(get_resolver(), "") if not route.startswith("/v1/")})


def filled(route: str, examples: Mapping[str, str]) -> str | None:
    """The address with an object for each parameter, or None when one has none."""
    for start, name in EXAMPLES.items():
        if route.startswith(start) and (parameter := PARAMETER.match(route, len(start))):
            route = start + examples[name] + route[parameter.end() :]
            break
    route = route.replace("<str:item_id>", examples["item"], 1)
    return None if PARAMETER.search(route) else route


def _clients(world: World, market: Market) -> list[Any]:
    """A signed-in member of the large tenant, an operator, and the seller of the market."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from pilothouse.kernel.access.commands import add_member, add_operator, ensure_person
    from pilothouse.kernel.access.models import Member
    from pilothouse.kernel.base.scope import tenant_scope, worker_scope

    with tenant_scope(world.large, ACTOR):
        member = ensure_person("owner@bench.example")
        if not Member.objects.filter(tenant_id=world.large, user=member).exists():
            add_member(world.large, member.email, "owner")
    with worker_scope(ACTOR):
        operator = add_operator("operator@bench.example", "operator").user
    clients = []
    for person in (member, operator, get_user_model().objects.get(id=market.seller)):
        client = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        clients.append(client)
    return clients


def _examples(world: World, market: Market) -> dict[str, str]:
    """One object for each parameter of an address."""
    examples: dict[str, str] = {}
    with world.connect() as db:
        for name, tenant in (("examples", world.large), ("market_examples", market.tenant)):
            found = db.execute(load("examples")[name], {"tenant": tenant})
            examples |= zip([column.name for column in found.description], found.fetchone(), strict=True)
    return examples


def _pages(clients: list[Any], examples: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The pages by address with who may see them, and the routes that nobody gave an object for."""
    found: dict[str, Any] = {}
    skipped = []
    for route in addresses():
        address = filled(route, examples)
        if address is None:
            skipped.append(route)
            continue
        # Who sells in all the deals sees the longest list of them; the other members' lists are empty.
        for client in reversed(clients) if address.startswith("/deals/") else clients:
            answer = client.get(address)
            if answer.status_code == OK and answer.headers["Content-Type"].startswith("text/html"):
                found[address] = client
                break
    return found, skipped


def bench(world: World, rounds: int, say: Callable[[str], Any]) -> dict[str, Any]:
    """Run it: the seed's size and time, and the median, least and most milliseconds of each page."""
    from pilothouse.kernel.ledger.sealing import seal as seal_ledger

    seeded = seed(world, say)
    market = seeded_market(world, "Bench market", True, say)
    say("seal")
    # A running house has sealed what is old; a statement would otherwise do it inside somebody's measurement.
    seal_ledger()
    clients = _clients(world, market)
    pages, skipped = _pages(clients, _examples(world, market))
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for address, client in pages.items():
            began = time.perf_counter()
            client.get(address)
            times[address].append((time.perf_counter() - began) * 1000)
    found = {address: Spread.of(values) for address, values in times.items()}
    slowest = max(found, key=lambda address: found[address].median)
    what = f"slowest page ({slowest}) at {seeded['items']:,} items and {limits.SEED_DEALS_COUNT:,} deals"
    return {
        "items": seeded["items"],
        "deals": limits.SEED_DEALS_COUNT,
        "seed_seconds": seeded["seconds"],
        "rounds": rounds,
        "pages": {a: found[a].json(1) for a in sorted(found, key=lambda address: -found[address].median)},
        "skipped": skipped,
        "table": [row(what, found[slowest], HOLD_MS, AIM_MS, unit=" ms", less=True)],
    }
