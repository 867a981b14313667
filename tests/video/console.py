"""A customer with people, credits and a finished batch, for the tests of pages."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access import commands as access
from pilothouse.kernel.access.roles import KEY_SCOPES
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.grants import grant_by_shell
from pilothouse.programs.video.endings import Ending, end_items
from pilothouse.programs.video.execution import ItemPump

ROLES = ("owner", "engineer", "finance")


class Idle:
    """A dispatcher that lets everything be claimed and makes nothing."""

    def room(self) -> int:
        return 10_000

    def claimed(self, change: int) -> None:
        """Nothing is submitted here."""


class Customer:
    """One account: a key, a person of each role, and what they do through the front door."""

    def __init__(self, house: Any, name: str, credits: int) -> None:
        self.tenant = house.tenant(name)
        self.domain = name.lower() + ".example"
        if credits:
            with ops_scope("operator:test"):
                grant_by_shell(self.tenant.id, credits, "pilot_grant", f"Enterprise Pilot - {name}")
        with tenant_scope(self.tenant.id, "operator:test"):
            self.key = access.issue_key(self.tenant.id, "test", "pilot", KEY_SCOPES, rate_limit_per_min=100_000)[1]
            for role in ROLES:
                access.add_member(self.tenant.id, f"{role}@{self.domain}", role, f"{role.title()} Person")

    def browser(self, role: str) -> Client:
        """A signed-in browser."""
        client = Client()
        client.force_login(
            get_user_model().objects.get(email=f"{role}@{self.domain}"), "django.contrib.auth.backends.ModelBackend"
        )
        return client

    def api(self, path: str, body: Any = None) -> Any:
        """The API's answer as JSON, or as text where it is a file."""
        client = Client(headers={"Authorization": f"Bearer {self.key}"})
        answer = client.get(path) if body is None else client.post(path, json.dumps(body), "application/json")
        assert answer.status_code < 300, answer.content
        return answer.json() if "json" in answer["Content-Type"] else answer.content.decode()

    def create(self, request_id: str, count: int = 10, seconds: int = 4) -> str:
        """A batch through the API."""
        items = [{"params": {"prompt": f"A mug {n}", "seconds": seconds}, "metadata": {"n": n}} for n in range(count)]
        return str(self.api("/v1/batches", {"request_id": request_id, "items": items})["batch_id"])

    def finish(self, bad: int = 1) -> None:
        """End every open item: the first `bad` of them fail."""
        rows = ItemPump(Idle(), 10_000).claim(10_000)  # type: ignore[arg-type]
        good = [Ending(row["id"], "succeeded", token=row["token"], output="file_x", size_bytes=1,
                       media_sha256="0" * 64) for row in rows[bad:]]  # fmt: skip
        failed = [Ending(row["id"], "refunded", token=row["token"], reason="param_error") for row in rows[:bad]]
        with worker_scope():
            for name, endings in (("good", good), ("bad", failed)):
                if endings:
                    end_items(endings, from_state="running", claim=f"{name}{rows[0]['id']}")

    def body_of(self, batch: str) -> bytes:
        """The bytes that the webhook of a batch sends."""
        with worker_scope():
            (row,) = run(
                "SELECT m.body FROM message m JOIN batch b ON b.id = m.subject_id"
                " WHERE m.subject_kind = 'batch' AND b.public_id = %s",
                [batch],
            )
        return bytes(row["body"])
