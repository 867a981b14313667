"""Who lives in a rehearsal of a video pilot: a customer who opens a key, orders and confirms; providers who fail; the
customer's endpoint, which is down at times.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from random import Random
from tempfile import gettempdir
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from pilothouse.kernel.access import usage
from pilothouse.kernel.access.authenticate import memberships_of, principal_in
from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.access.models import ApiKey
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base import machine
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.rehearsal import Post, PumpWork, Script, Stage, Work
from pilothouse.kernel.base.scope import Scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.kernel.outbox.sender import WebhookPump
from pilothouse.kernel.terms.commands import publish_body
from pilothouse.kernel.watch.checklists import record_line, start_run

# Importing the handler registers what a batch's deadline does.
from . import api, intake, timers  # noqa: F401
from . import population_limits as limits
from .checklist import LINES
from .checklist import NAME as CHECKLIST
from .commands import create_batch
from .confirmations import FIELDS, confirm_receipt
from .demo import demo_items
from .dispatcher import Dispatcher
from .execution import ItemPump
from .lifecycle import COMPLETED_EVENT
from .limits import CHECKLIST_WITHIN_S
from .prices import KIND, NAME
from .providers.protocol import Capabilities, FetchOutcome, LookupOutcome, PollOutcome, SubmitOutcome, VideoJob
from .providers.registry import build_providers
from .providers.simulated import SimulatedProfile, SimulatedProvider

SQL = Statements(__file__)
DOMAIN = "northwind.example"
OTHER_COMPANY, OTHER_DOMAIN, STRANGER = "Southbank", "southbank.example", "stranger"
# Who may do what, written down a second time: the audit asks nobody whom a bug could have changed.
WHO = {"ordered": ("owner", "engineer", "key"), "confirmed": ("owner", "engineer", "finance")}
OPERATORS = ("olga@pilothouse.example", "ada@pilothouse.example")
ENDPOINT = f"https://hooks.{DOMAIN}/video"
# Two upstreams, so that an item can go on at the other one.
PROVIDERS = "simulated_a:3,simulated_b:1"


class Weather:
    """One simulated upstream on fair days and in storms: a job's own draw decides, against the weather in which it is
    asked about."""

    adapter = "simulated"
    capabilities = Capabilities(lookup=True)

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self._stage = stage
        given = {"latency_s": limits.LATENCY_S, "late_s": limits.LATE_S, "seed": f"{stage.seed}:{name}"}
        now = lambda: machine.now().timestamp()  # noqa: E731
        self._fair = SimulatedProvider(now, SimulatedProfile(**given, **limits.CALM), name=name)  # type: ignore[arg-type]
        self._storm = SimulatedProvider(now, SimulatedProfile(**given, **limits.STORMY), name=name)  # type: ignore[arg-type]

    def _now(self) -> SimulatedProvider:
        return self._storm if self._stage.spell("provider_storm") else self._fair

    async def submit(self, job: VideoJob, key: str) -> SubmitOutcome:
        return await self._now().submit(job, key)

    async def poll(self, refs: Sequence[str]) -> Mapping[str, PollOutcome]:
        return await self._now().poll(refs)

    async def fetch(self, ref: str, destination: Path) -> FetchOutcome:
        return await self._now().fetch(ref, destination)

    async def lookup(self, job: VideoJob, key: str) -> LookupOutcome:
        return await self._now().lookup(job, key)

    async def cancel(self, ref: str) -> bool:
        return False

    async def aclose(self) -> None:
        """Nothing is held."""


class CustomerPopulation:
    """One enterprise customer with an owner, an engineer and somebody in Finance."""

    company = "Northwind"
    contact = ("Ada Northwind", f"owner@{DOMAIN}")
    terms = (KIND, NAME)
    faults: Sequence[str] = (
        "workers_down", "endpoint_down", "provider_storm", "worker_death", "clock_jump", "serialization_failure",
        "duplicate",
    )  # fmt: skip

    def __init__(self, batches: int = limits.BATCHES_COUNT) -> None:
        self.batches = batches
        self.tenant = 0
        # Who asks, by role; a stranger is an engineer of another account.
        self.people: dict[str, Principal] = {}
        # The bodies that the customer's endpoint took, by the event's id; a second one must be the same bytes.
        self.received: dict[str, bytes] = {}
        self.different: list[str] = []

    def open(self, stage: Stage) -> int:
        with worker_scope("rehearsal"):
            tenant = Tenant.objects.create(name=self.company, timezone="Europe/Copenhagen", created_at=stage.at)
            for mail in OPERATORS:
                add_operator(mail, "admin")
            # The checklist asks the live house; a rehearsal begins where it has passed.
            run = start_run(CHECKLIST, list(LINES), CHECKLIST_WITHIN_S, "rehearsal")
            for line in LINES:
                record_line(run, line, ok=True, seconds=0.0, evidence="As rehearsed.")
            other = Tenant.objects.create(name=OTHER_COMPANY, timezone="Europe/London", created_at=stage.at)
        self.tenant = tenant.id
        self._join(self.tenant, *((role, f"{role}@{DOMAIN}", role) for role in ("owner", "engineer", "finance")))
        self._join(other.id, (STRANGER, f"engineer@{OTHER_DOMAIN}", "engineer"))
        return self.tenant

    def _join(self, tenant: int, *people: tuple[str, str, str]) -> None:
        """Make members (name, mail, role), and remember them as a request of theirs would know them."""
        with tenant_scope(tenant, "rehearsal"):
            made = [
                (name, mail, add_member(tenant, mail, role, name.capitalize()).user_id) for name, mail, role in people
            ]
        for name, mail, user in made:
            self.people[name] = principal_in(memberships_of(user).tenants[0], user, mail)

    def members(self) -> Mapping[str, str]:
        return {role: f"user:{role}@{DOMAIN}" for role in ("owner", "engineer", "finance")}

    def begin(self, stage: Stage) -> None:
        stage.go(timedelta(minutes=30), "the engineer", self._engineer(stage, stage.chance("engineer")))
        for role, every in (("engineer", limits.ENGINEER_LOOKS_EVERY_S), ("finance", limits.FINANCE_LOOKS_EVERY_S)):
            stage.go(timedelta(), f"{role} looks", self._confirms(stage, role, every, stage.chance("looks", role)))

    def _person(self, role: str) -> AbstractContextManager[Scope]:
        return tenant_scope(self.tenant, f"user:{role}@{DOMAIN}")

    def _api(self) -> AbstractContextManager[Scope]:
        return tenant_scope(self.tenant, "key:pilot")

    def _engineer(self, stage: Stage, chance: Random) -> Script:
        """Names an endpoint and orders batch after batch with the pilot's key; some stall until it is late."""
        name = partial(create_endpoint, ENDPOINT)
        stage.act("the engineer names an endpoint", partial(self._person, "engineer"), name, twice=False)
        first = limits.STALLED_FIRST_BATCH_S if chance.random() < limits.STALLS_RATIO else limits.FIRST_BATCH_S
        yield _drawn(chance, first)
        for number in range(self.batches):
            refused = chance.randint(0, limits.REFUSED_ITEMS_MAX_COUNT)
            items = demo_items(limits.BATCH_ITEMS_COUNT, refused)
            for n, item in enumerate(items):
                item["params"]["prompt"] += f", order {number + 1}, view {n + 1}"
            batch = stage.act(
                f"order {number + 1}: {len(items)} videos, {refused} of them against the rules", self._api,
                partial(self._order, stage, f"order-{number + 1}", intake.items(items)),
            )  # fmt: skip
            self._trespasses(stage, batch, items)
            yield _drawn(chance, limits.NEXT_BATCH_S)

    def _trespasses(self, stage: Stage, batch: str, items: Sequence[Mapping[str, Any]]) -> None:
        """What is not theirs to do, at the API itself: Finance orders too, and a stranger looks and cancels."""
        finance, stranger = self.people["finance"], self.people[STRANGER]
        order = json.dumps({"request_id": f"finance, after {batch}", "items": items}).encode()
        for who, does, call in (
            (finance, "finance orders videos", partial(api.post_batch, _asked(finance, "POST", order))),
            (stranger, f"a stranger opens {batch}", partial(api.get_batch, _asked(stranger, "GET"), batch)),
            (stranger, f"a stranger cancels {batch}", partial(api.post_cancel, _asked(stranger, "POST"), batch)),
        ):
            stage.trespass(does, partial(tenant_scope, who.tenant, who.actor), call)

    def _order(self, stage: Stage, request_id: str, items: Sequence[intake.NewItem]) -> str:
        """One call of the API, with its row in the log of calls; returns the batch."""
        key = ApiKey.objects.order_by("-id").values_list("id", flat=True)[0]
        made = create_batch(request_id, items)
        call = {
            "tenant": self.tenant, "key": key, "actor": f"key:{key}", "at": stage.at.isoformat(), "method": "POST",
            "path": "/v1/batches", "status": 202, "milliseconds": 0, "request_id": "", "ip_hash": "",
        }  # fmt: skip
        usage.SQL.one("log_api_usage", calls=json.dumps([call]))
        return made.batch_id

    def _confirms(self, stage: Stage, role: str, every: tuple[int, int], chance: Random) -> Script:
        """Somebody compares field by field what the endpoint took since they looked last, and forgets some of it."""
        seen: set[str] = set()
        while True:
            yield _drawn(chance, every)
            for event, body in self.received.items():
                if event in seen:
                    continue
                seen.add(event)
                told = json.loads(body)
                if told.get("event") == COMPLETED_EVENT and chance.random() >= limits.FORGETS_RATIO:
                    batch = told["batch_id"]
                    stage.act(
                        f"{role} confirms {batch}", partial(self._person, role),
                        partial(confirm_receipt, body, FIELDS, f"{batch} {role}", role),
                    )  # fmt: skip

    def works(self, stage: Stage, work: PumpWork, post: Post) -> Sequence[Work]:
        """Items at the simulated upstreams, and webhooks to the customer's endpoint."""
        folder = Path(gettempdir())
        known = build_providers({"VIDEO_PROVIDERS": PROVIDERS}, folder=folder, now=lambda: machine.now().timestamp())
        live = replace(known, providers={name: Weather(name, stage) for name in known.providers})
        return (
            work(ItemPump(Dispatcher(live, live, poll_linger_s=0.0), limits.CONCURRENCY_COUNT), "item"),
            work(WebhookPump(allow_local=False, client=post(self._receive)), "delivery"),
        )

    def _receive(self, event: str, body: bytes) -> None:
        if self.received.setdefault(event, body) != body:
            self.different.append(event)

    def desk(self, stage: Stage) -> None:
        """Nothing waits for operators here."""

    def counts(self) -> Mapping[str, int]:
        row = SQL.one("rehearsal_counts", tenant=self.tenant)
        assert row is not None
        return row

    def money(self) -> Sequence[Row]:
        row = SQL.one("rehearsal_money", tenant=self.tenant)
        assert row is not None
        parts = {name: row[name] for name in ("settled", "held", "available")}
        return [
            {"unit": "CREDIT", "into": row["granted"], "parts": parts, "holds": row["granted"] == sum(parts.values())}
        ]

    def audit(self) -> Sequence[Row]:
        """Each item is charged once exactly when the customer has its video in time, whoever ordered or confirmed is
        one who may, and news never change."""
        wrong = SQL.rows("rehearsal_charged", tenant=self.tenant)
        wrong += [
            {"check": "wrong_role", "what": f"{row['batch']}: {row['what']} by {row['role']} {row['actor']}"}
            for row in SQL.rows("rehearsal_actors", tenant=self.tenant)
            if row["role"] not in WHO[row["what"]]
        ]
        return wrong + [{"check": "webhook", "what": f"{event} came with other bytes"} for event in self.different]

    def publish(self, body: Mapping[str, Any]) -> None:
        """Another price list."""
        publish_body(KIND, NAME, body, note="A rehearsal")


def _asked(who: Principal, method: str, body: bytes = b"") -> HttpRequest:
    """A request of the API as its operations get it, when it is known who asks."""
    request = WSGIRequest(
        {
            "REQUEST_METHOD": method, "PATH_INFO": "/v1/batches", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body),
        }
    )  # fmt: skip
    request.auth = who  # type: ignore[attr-defined]
    return request


def _drawn(chance: Random, between: tuple[int, int]) -> timedelta:
    """A length between two, in whole seconds."""
    return timedelta(seconds=chance.randint(*between))
