"""A real web process on a shared house, with two customers, people of every role and keys of every scope."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
from django.test import override_settings

from pilothouse.kernel.access import commands as access
from pilothouse.kernel.access.roles import KEY_SCOPES
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.site.house import granian
from pilothouse.site.seed import seed

PASSWORD = "correct horse battery"
ROLES = ("owner", "engineer", "finance", "creator", "support")
READY_PATIENCE_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], env: dict[str, str], ready_url: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A child process, ready when its url answers and ended with the block; its output is shown when it fails."""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, env=env, stdout=output, stderr=output, start_new_session=True)
        try:
            ends_at = time.monotonic() + READY_PATIENCE_S
            while ready_url:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(ready_url).status_code == 200:
                        break
                if child.poll() is not None or time.monotonic() > ends_at:
                    output.seek(0)
                    raise AssertionError(output.read().decode()[-3000:])
                time.sleep(0.1)
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


@dataclass
class Customer:
    """A customer's account: its tenant, the raw keys by name and the people by role."""

    tenant: Any
    keys: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)


@dataclass
class FrontDoor:
    """Where the site answers, and who may knock."""

    house: Any
    url: str
    live_url: str
    ours: Customer
    theirs: Customer

    def api(self, key: str | None = None, **headers: str) -> httpx.Client:
        """A client with this raw key, or with our customer's full key."""
        bearer = self.ours.keys["full"] if key is None else key
        given = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **headers}
        return httpx.Client(base_url=self.url, headers=given, timeout=60)

    @contextlib.contextmanager
    def signed_in(self, email: str) -> Iterator[httpx.Client]:
        """A browser-like client with this person's session, which follows no redirect."""
        with httpx.Client(base_url=self.url, timeout=60) as client:
            client.get("/account/login/")
            answer = client.post(
                "/account/login/",
                data={"login": email, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]},
                headers={"Referer": f"{self.url}/account/login/"},
            )
            assert "sessionid" in client.cookies, answer.text[:2000]
            yield client

    @contextlib.contextmanager
    def worker(self, **settings: str) -> Iterator[None]:
        """A real worker process on this house."""
        env = self.house.env(PROCESS_NAME="worker", SITE_URL=self.url, **settings)
        with process([sys.executable, "-m", "pilothouse.site.cli", "worker"], env):
            yield


def customer(house: Any, name: str, domain: str, credits: int) -> Customer:
    """A tenant with credits, a key of each scope, a full key, a paused one and a person of each role."""
    made = Customer(house.tenant(name))
    tenant = made.tenant.id
    if credits:
        house.fund(tenant, credits, f"Credits for {name}")
    with tenant_scope(tenant, f"user:owner@{domain}"):
        for key, scopes in {"full": KEY_SCOPES, **{scope: (scope,) for scope in KEY_SCOPES}}.items():
            made.keys[key] = access.issue_key(tenant, key, "pilot", scopes, rate_limit_per_min=100_000)[1]
        made.keys["test"] = access.issue_key(tenant, "test", "test", rate_limit_per_min=100_000)[1]
        paused, made.keys["paused"] = access.issue_key(tenant, "paused", "pilot")
        access.pause_key(tenant, paused.public_id)
        for role in ROLES:
            made.people[role] = f"{role}@{domain}"
            access.add_member(tenant, made.people[role], role, f"{role.title()} Person", PASSWORD)
    return made


@contextlib.contextmanager
def front_door(house: Any, *, credits: int = 1_000_000, **settings: str) -> Iterator[FrontDoor]:
    """The site's web process on `house`, which is connected to."""
    seed()
    ours = customer(house, "Northwind", "northwind.example", credits)
    theirs = customer(house, "Southgate", "southgate.example", credits)
    port, live_port = free_port(), free_port()
    url, live_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{live_port}"
    # As in production: without a pool each request opens a connection and lets it learn the catalogue anew.
    settings.setdefault("DATABASE_POOL", "1")
    env = house.env(PROCESS_NAME="web", SITE_URL=url, LIVE_URL=live_url, **settings)
    command = granian("wsgi", "pilothouse.site.wsgi:application", "127.0.0.1", port, "--blocking-threads", "8")
    with override_settings(SITE_URL=url), process(command, env, f"{url}/healthz"):
        yield FrontDoor(house, url, live_url, ours, theirs)


def items(count: int = 10, tag: str = "mug", **params: Any) -> list[dict[str, Any]]:
    """The items of a batch, each with its own prompt and metadata."""
    return [{"params": {"prompt": f"{tag} {n}", "seconds": 1, **params}, "metadata": {"n": n}} for n in range(count)]


def order(request_id: str, count: int = 10, **more: Any) -> dict[str, Any]:
    """The body of a create."""
    return {"request_id": request_id, "webhook_url": None, "items": items(count), **more}


HERE = Path(__file__).parent
