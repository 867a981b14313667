"""`bench pages`: milliseconds of server time of every page, in a tenant with a million items.

The pages are those of the URL resolver that answer a GET with HTML, so a new page is measured without being named here;
one whose address has a parameter is measured when `examples` knows an object for it, and is listed otherwise. Each is
asked through every middleware, in this process, as a member of the large tenant or as an operator.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import limits
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
    "/docs/playbooks/": "playbook", "/keys/": "key", "/members/": "member",
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


def _clients(world: World) -> list[Any]:
    """A signed-in member of the large tenant, and an operator."""
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
    for person in (member, operator):
        client = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        clients.append(client)
    return clients


def _examples(world: World) -> dict[str, str]:
    """One object for each parameter of an address."""
    with world.connect() as db:
        found = db.execute(load("examples")["examples"], {"tenant": world.large})
        return dict(zip([column.name for column in found.description], found.fetchone(), strict=True))


def _pages(clients: list[Any], examples: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The pages by address with who may see them, and the routes that nobody gave an object for."""
    found: dict[str, Any] = {}
    skipped = []
    for route in addresses():
        address = filled(route, examples)
        if address is None:
            skipped.append(route)
            continue
        for client in clients:
            answer = client.get(address)
            if answer.status_code == OK and answer.headers["Content-Type"].startswith("text/html"):
                found[address] = client
                break
    return found, skipped


def bench(world: World, rounds: int, say: Callable[[str], Any]) -> dict[str, Any]:
    """Run it: the seed's size and time, and the median, least and most milliseconds of each page."""
    seeded = seed(world, say)
    clients = _clients(world)
    pages, skipped = _pages(clients, _examples(world))
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for address, client in pages.items():
            began = time.perf_counter()
            client.get(address)
            times[address].append((time.perf_counter() - began) * 1000)
    found = {address: Spread.of(values) for address, values in times.items()}
    slowest = max(found, key=lambda address: found[address].median)
    what = f"slowest page ({slowest}) at {seeded['items']:,} items"
    return {
        "items": seeded["items"],
        "seed_seconds": seeded["seconds"],
        "rounds": rounds,
        "pages": {a: found[a].json(1) for a in sorted(found, key=lambda address: -found[address].median)},
        "skipped": skipped,
        "table": [row(what, found[slowest], HOLD_MS, AIM_MS, unit=" ms", less=True)],
    }
