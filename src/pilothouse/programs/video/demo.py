"""The demo: a real batch through the public API of a running house, to a verified webhook and a reconciled ledger.

Everything a customer would do goes over HTTP with the demo customer's own key. Only what an operator would do (the
account, the grant) and the final check of the promises touch the database directly.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
from django.conf import settings

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.ledger.grants import approve_grant, request_grant
from pilothouse.kernel.watch import promises

from .demo_receiver import Receiver
from .limits import COST_PER_VIDEO_CREDITS
from .models import Batch

TENANT_NAME = "Northwind Ceramics"
# Two of us, so that what is beyond one person's day can be shown: their address, role and name.
OPERATORS = (
    ("operator@pilothouse.example", "operator", "Olga Operator"),
    ("admin@pilothouse.example", "admin", "Ada Admin"),
)
SECONDS = 3
POLL_S = 0.4
BATCH_PATIENCE_S = 900
WEBHOOK_PATIENCE_S = 60
# Each pair is a product and a scene; failing items ask for something that the provider's content policy refuses.
SCENES = (
    ("A ceramic mug with a speckled glaze on an oak table, steam in the morning light", "9:16", "MUG-01"),
    ("Running shoes splashing through a puddle in slow motion, city at dusk", "9:16", "SHOE-07"),
    ("A glass perfume bottle turning on black marble, one narrow beam of light", "1:1", "SCENT-03"),
    ("Olive oil poured over fresh bread, close up, warm kitchen", "16:9", "OIL-12"),
    ("A linen tote bag on a bicycle handlebar, seaside road, wind", "9:16", "BAG-04"),
    ("A wooden desk lamp switching on in a dark study", "9:16", "LAMP-02"),
    ("Wild berry jam, the spoon breaks the surface, macro", "1:1", "JAM-09"),
    ("A wool blanket unfolding over a sofa, late autumn sun", "16:9", "WOOL-05"),
    ("A steel bottle standing in fresh snow, mountains behind", "9:16", "BOTTLE-08"),
    ("Paper notebooks fanning open, ink drops falling beside them", "9:16", "NOTE-06"),
)
REFUSED_PROMPT = "An explicit scene that no brand would publish, take {n}"
CREDENTIALS_FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class World:
    """The demo customer: where, who and with which key."""

    tenant: int
    tenant_id: str
    api_key: str
    people: dict[str, str]
    password: str


def load_world(data: Path) -> World:
    """The demo customer, made on the first call and remembered in the data folder (readable only by us)."""
    from pilothouse.kernel.access.commands import add_member, add_operator, issue_key

    path = data / CREDENTIALS_FILE
    if path.exists():
        known = World(**json.loads(path.read_text(encoding="utf-8")))
        with worker_scope("demo"):
            if Tenant.objects.filter(id=known.tenant, public_id=known.tenant_id).exists():
                return known
    password = "harbour-" + new_id("x")[-8:]
    people = {role: f"{role}@northwind.example" for role in ("owner", "engineer", "finance")}
    with worker_scope("demo"):
        tenant = Tenant.objects.create(name=TENANT_NAME, timezone="Europe/Copenhagen", created_at=clock.now())
        for mail, role, name in OPERATORS:
            add_operator(mail, role, name, password)
    with tenant_scope(tenant.id, "operator:demo"):
        for role, mail in people.items():
            add_member(tenant.id, mail, role, f"{role.capitalize()} Northwind", password)
        _, raw = issue_key(tenant.id, f"Pilot - {TENANT_NAME}", "pilot")
    world = World(
        tenant.id, tenant.public_id, raw, {**people, **{role: mail for mail, role, _name in OPERATORS}}, password
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(world), file, indent=2)
    return world


def demo_items(items: int, fail: int) -> list[dict[str, Any]]:
    """`items` items of which `fail` ask for refused content, spread over the batch; the same for every run."""
    failing = {round((n + 0.5) * items / fail) for n in range(fail)} if fail else set()
    made = []
    for n in range(items):
        prompt, aspect, sku = SCENES[n % len(SCENES)]
        if n in failing:
            prompt = REFUSED_PROMPT.format(n=n)
        elif n >= len(SCENES):
            prompt = f"{prompt}, take {n // len(SCENES) + 1}"
        made.append(
            {
                "params": {"prompt": prompt, "aspect": aspect, "seconds": SECONDS},
                "metadata": {"sku": sku, "n": n},
            }
        )
    return made


def run_demo(
    data: Path,
    *,
    items: int = 10,
    fail: int = 1,
    say: Callable[[str], None] = lambda text: None,
    on_created: Callable[[World, str], None] = lambda world, batch: None,
) -> dict[str, Any]:
    """Run the demo batch on the house at SITE_URL and return its proof.

    `outputs` are paths of the downloaded MP4 files. Raises DemoFailed when the house does not answer
    or the batch does not end in time.
    """
    began = time.monotonic()
    world = load_world(data)
    needed = items * COST_PER_VIDEO_CREDITS
    request_id = f"demo-{new_id('run')[4:]}"
    _grant(world, needed, f"Demo pilot {request_id}")
    folder = data / "demo" / request_id
    return run_batch(world, request_id, folder, items=items, fail=fail, say=say, on_created=on_created, began=began)


def run_batch(
    world: World,
    request_id: str,
    folder: Path,
    *,
    items: int,
    fail: int,
    say: Callable[[str], None],
    on_created: Callable[[World, str], None] = lambda world, batch: None,
    began: float | None = None,
) -> dict[str, Any]:
    """One batch with the customer's own key, to its verified webhook; returns its proof as `run_demo` does.

    `folder` must be new: the received body and the finished videos go there. `began` is when the clock of `seconds`
    started, now by default.
    """
    folder.mkdir(parents=True)
    with Receiver(folder) as receiver, _client(world) as client:
        receiver.trust(_ok(client.get("/v1/webhook-secret"))["secret"])
        start = time.monotonic() if began is None else began
        body = {"request_id": request_id, "webhook_url": receiver.url, "items": demo_items(items, fail)}
        batch_id = _ok(client.post("/v1/batches", json=body))["batch_id"]
        on_created(world, batch_id)
        _until_completed(client, batch_id, say)
        verified = receiver.wait(batch_id, WEBHOOK_PATIENCE_S)
        batch = _until_webhook_told(client, batch_id)
        media = _download(client, batch_id, folder)
        return {
            "batch_id": batch_id,
            "request_id": request_id,
            "summary": {key: batch["summary"][key] for key in ("total", "succeeded", "failed")},
            "ledger": batch["ledger"],
            "webhook": {
                "verified": verified,
                "attempts": receiver.attempts(batch_id),
                "status": batch["webhook"]["status"],
                "body_path": str(receiver.body_path(batch_id)),
            },
            "promises": _promises(world.tenant, batch_id),
            "outputs": [item["path"] for item in media],
            "media": media,
            "seconds": round(time.monotonic() - start, 3),
        }


def _grant(world: World, credits: int, description: str) -> None:
    """What the desk does: one operator asks, and a second one approves what is more than one may grant in a day."""
    from pilothouse.kernel.access.commands import add_operator

    with worker_scope("operator:demo"):
        olga, ada = (add_operator(mail, role, name).user_id for mail, role, name in OPERATORS)
        asked = request_grant(olga, world.tenant, credits, "pilot_grant", description)
        if asked.state == "requested":
            approve_grant(ada, asked.request)


class DemoFailed(PilothouseError):
    """The demo's house did not do what a demo shows."""

    code = "demo_failed"
    status = 500
    message = "{reason}"


def _client(world: World) -> httpx.Client:
    return httpx.Client(
        base_url=settings.SITE_URL,
        headers={"Authorization": f"Bearer {world.api_key}"},
        timeout=30,
        trust_env=False,
        transport=httpx.HTTPTransport(retries=3),
    )


def _ok(response: httpx.Response) -> dict[str, Any]:
    if response.status_code == 429:
        raise DemoFailed(
            reason="The demo's key has used its 60 requests of this minute. Wait a minute and run it again."
        )
    if response.status_code >= 400:
        raise DemoFailed(reason=f"The API answered {response.status_code}: {response.text[:500]}")
    found: dict[str, Any] = response.json()
    return found


def _until_completed(client: httpx.Client, batch_id: str, say: Callable[[str], None]) -> None:
    """Poll as a customer would: politely, so that a pilot key's 60 requests a minute are enough."""
    until = time.monotonic() + BATCH_PATIENCE_S
    wait, told = POLL_S, ""
    while time.monotonic() < until:
        batch = _ok(client.get(f"/v1/batches/{batch_id}"))
        counts = batch["summary"]
        ended = counts["succeeded"] + counts["failed"]
        line = f"{ended} of {counts['total']} videos ended, {counts['running']} running"
        if line != told:
            say(line)
            told = line
        if batch["status"] == "completed":
            return
        time.sleep(wait)
        wait = min(2.0, wait * 1.25)
    reason = f"Batch {batch_id} did not complete within {BATCH_PATIENCE_S} s; see the worker's log."
    raise DemoFailed(reason=reason)


def _until_webhook_told(client: httpx.Client, batch_id: str) -> dict[str, Any]:
    """The delivery's own state follows the receipt within a moment."""
    for _ in range(20):
        batch = _ok(client.get(f"/v1/batches/{batch_id}"))
        if batch["webhook"]["status"] != "pending":
            break
        time.sleep(POLL_S)
    return batch


def _download(client: httpx.Client, batch_id: str, folder: Path) -> list[dict[str, Any]]:
    """Every finished video, by its signed link, into the demo's folder."""
    outputs: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"status": "succeeded", "limit": "200", **({"cursor": cursor} if cursor else {})}
        page = _ok(client.get(f"/v1/batches/{batch_id}/items", params=query))
        for item in page["items"]:
            path = folder / f"{item['position']:04}.mp4"
            with httpx.stream("GET", item["output"]["url"], trust_env=False, timeout=30) as response:
                response.raise_for_status()
                with path.open("wb") as file:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
            outputs.append(
                {
                    "path": str(path),
                    "position": item["position"],
                    "media_sha256": item["output"]["media_sha256"],
                    "seconds": item["params"]["seconds"],
                    "aspect": item["params"]["aspect"],
                }
            )
        cursor = page["next"]
        if cursor is None:
            return outputs


def _promises(tenant: int, batch_id: str) -> dict[str, bool]:
    with tenant_scope(tenant, "operator:demo"):
        key = Batch.objects.get(public_id=batch_id).id
    return {result.promise.name: result.seen.ok for result in promises.check_completed("video", [key])}
