"""The internal checklist before a customer is let on (requirements ENP-014 to ENP-016), on the live deployment.

Everything goes over the public address, with an account and a test key of our own: the batch is paid in test credits,
which have no value, so that no customer's money and no provider's bill is in it. The key is revoked at the end.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2 as httpx
from django.conf import settings
from django.urls import reverse

from pilothouse.kernel.access.commands import add_member, issue_key, remove_member, revoke_key
from pilothouse.kernel.access.magic import magic_link
from pilothouse.kernel.access.models import Member
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.outbox.queries import deliveries
from pilothouse.kernel.watch.checklists import ChecklistResult, checklist_runs, record_line, start_run
from pilothouse.kernel.watch.models import ChecklistRun

from . import limits
from .checklist_hook import hook_path
from .lifecycle import COMPLETED_EVENT

NAME = "enterprise"
ACCOUNT_NAME = "Internal checklist (ours)"
ACCOUNT_MARK = "internal_checklist"
READER = "internal-checklist@pilothouse.example"
# Each line with what it claims, in the order in which they run.
LINES = {
    "docs": "The guide for enterprises is there",
    "openapi": "The API's description is there",
    "example": "The Node example runs",
    "webhook": "Our endpoint receives and verifies the event",
    "ledger": "The credits are in the ledger's page",
}
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
Say = Callable[[str], None]


class LineFailed(Exception):
    """A line did not pass: what was seen, and what to do about it."""

    def __init__(self, evidence: str, advice: str) -> None:
        super().__init__(evidence)
        self.evidence = evidence
        self.advice = advice


@dataclass
class Stage:
    """What the lines share: the account of ours, its key, the files, and the batch once it is there."""

    tenant: Tenant
    key: str
    example: Path
    work: Path
    ends_at: float
    request_id: str
    batch: str = ""
    seen: dict[str, str] = field(default_factory=dict)

    def left_s(self, most: float) -> float:
        """Seconds that a step may still take; at least one, so that it fails with its own words."""
        return max(1.0, min(most, self.ends_at - time.monotonic()))


def run_enterprise(actor: str, *, example: Path, work: Path, say: Say = lambda text: None) -> ChecklistResult:
    """Run all lines and return the recorded result. `example` is the folder of the Node example, `work` where it is
    copied and installed. A line that fails does not stop those that need nothing of it."""
    with worker_scope(actor):
        tenant = _account()
        run = start_run(NAME, list(LINES), limits.CHECKLIST_WITHIN_S, actor)
    with _key(tenant, actor) as key:
        stage = Stage(
            tenant, key, example, work, time.monotonic() + limits.CHECKLIST_WITHIN_S, f"checklist-{run.public_id}"
        )
        steps: dict[str, Callable[[Stage], str]] = {
            "docs": check_docs,
            "openapi": check_openapi,
            "example": check_example,
            "webhook": check_webhook,
            "ledger": check_ledger,
        }
        for number, (name, step) in enumerate(steps.items(), 1):
            say(f"{number} of {len(steps)}  {LINES[name]} …")
            _line(run, name, step, stage, actor, say)
    with worker_scope(actor):
        return next(found for found in checklist_runs(NAME) if found.public_id == run.public_id)


def _line(run: ChecklistRun, name: str, step: Callable[[Stage], str], stage: Stage, actor: str, say: Say) -> None:
    began = time.monotonic()
    ok, advice = True, ""
    try:
        evidence = step(stage)
    except LineFailed as failed:
        ok, evidence, advice = False, failed.evidence, failed.advice
    except httpx.HTTPError as error:
        ok, evidence = False, f"{settings.SITE_URL} did not answer: {type(error).__name__} {error}"
        advice = "Check SITE_URL, the name's DNS record and the proxy: customers use the same address."
    seconds = time.monotonic() - began
    with worker_scope(actor):
        record_line(run, name, ok=ok, seconds=seconds, evidence=evidence, advice=advice)
    say(f"        {'✓' if ok else '✗'} {seconds:.1f} s  {evidence}" + (f"\n          {advice}" if advice else ""))


def check_docs(stage: Stage) -> str:
    """`/docs/enterprise` answers a stranger."""
    answer = _get("/docs/enterprise")
    if answer.status_code != 200 or "SORA2_API_KEY" not in answer.text:
        raise LineFailed(
            f"/docs/enterprise answered {answer.status_code}",
            "The guide is part of the release: deploy the whole package, and let the proxy pass /docs/.",
        )
    return f"200, {len(answer.content):,} bytes"


def check_openapi(stage: Stage) -> str:
    """`/openapi.json` answers a stranger with the API's paths."""
    answer = _get("/openapi.json")
    try:
        paths = answer.json()["paths"] if answer.status_code == 200 else {}
    except (ValueError, KeyError, TypeError):
        paths = {}
    if "/v1/batches" not in paths:
        raise LineFailed(
            f"/openapi.json answered {answer.status_code} without /v1/batches",
            "Let the proxy pass /openapi.json to the web process unchanged.",
        )
    return f"200, {len(paths)} paths"


def check_example(stage: Stage) -> str:
    """`npx ts-node batch_basic.ts` ends with 0, as a customer would run it."""
    script = stage.example / "batch_basic.ts"
    if not script.exists():
        raise LineFailed(f"There is no {script.name} in {stage.example}", "Give its folder with --example.")
    if shutil.which("node") is None or shutil.which("npx") is None:
        raise LineFailed(
            "It could not be run: node and npx are not on this host", "Install Node 20 or newer, then run this again."
        )
    folder = _installed(stage)
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "SORA2_API_KEY": stage.key,
        "SORA2_BASE_URL": settings.SITE_URL,
        "SORA2_WEBHOOK_URL": settings.SITE_URL + hook_path(stage.tenant.id),
    }
    done = _run(["npx", "ts-node", script.name, stage.request_id], folder, env, stage.left_s(limits.CHECKLIST_WITHIN_S))
    found = re.search(r"\bbat_\w+", done.stdout)
    stage.batch = found[0] if found else ""
    if done.returncode != 0:
        raise LineFailed(
            f"It ended with {done.returncode}: {_last(done.stderr) or _last(done.stdout)}",
            "Run it by hand with a key of your own; `pilothouse check` says whether money or work is wrong.",
        )
    return f"{stage.batch}: {_last(done.stdout)}"


def check_webhook(stage: Stage) -> str:
    """The batch's `batch.completed` was delivered to our own endpoint, which answers 200 to a valid signature only."""
    if not stage.batch:
        raise LineFailed("Not tried: the example made no batch", "Mend the line before this one first.")
    until = time.monotonic() + stage.left_s(limits.CHECKLIST_WEBHOOK_S)
    while True:
        with tenant_scope(stage.tenant.id, "checklist"):
            sent = [row for row in deliveries(reference=stage.batch) if row["type"] == COMPLETED_EVENT]
        if any(row["state"] == "delivered" for row in sent):
            row = next(row for row in sent if row["state"] == "delivered")
            return f"{row['public_id']}: verified and answered {row['last_status']} at try {row['attempt']}"
        if time.monotonic() > until:
            seen = f"{sent[0]['state']}, {sent[0]['last_status'] or sent[0]['last_error']}" if sent else "nothing sent"
            raise LineFailed(
                f"batch.completed did not arrive: {seen}",
                "The worker must reach the public address over https from where it runs; see Deliveries at the desk.",
            )
        time.sleep(limits.CHECKLIST_POLL_S)


def check_ledger(stage: Stage) -> str:
    """A signed-in person reads the batch's rows in the ledger's page."""
    if not stage.batch:
        raise LineFailed("Not tried: the example made no batch", "Mend the line before this one first.")
    with _reader(stage.tenant) as link, _client() as client:
        token = CSRF.search(client.get(link).text)
        signed_in = client.post(
            link, data={"csrfmiddlewaretoken": token[1] if token else ""}, headers={"Referer": link}
        )
        if signed_in.status_code >= 400:
            raise LineFailed(
                f"The sign-in answered {signed_in.status_code}",
                "Check that the proxy passes cookies, Host and X-Forwarded-Proto unchanged.",
            )
        answer = client.get(reverse("ledger:rows"), params={"mode": "test", "batch": stage.batch})
    wanted = [word for word in ("Reserved (initial)", stage.request_id) if word not in answer.text]
    if answer.status_code != 200 or wanted:
        raise LineFailed(
            f"The ledger's page answered {answer.status_code} without {', '.join(wanted) or 'its rows'}",
            "Open the account at the desk and run `pilothouse check`.",
        )
    return f"200, the rows of {stage.request_id}"


def _account() -> Tenant:
    ours = Tenant.objects.filter(**{f"settings__{ACCOUNT_MARK}": True}).order_by("id").first()
    return ours or Tenant.objects.create(name=ACCOUNT_NAME, settings={ACCOUNT_MARK: True}, created_at=clock.now())


@contextmanager
def _key(tenant: Tenant, actor: str) -> Iterator[str]:
    with tenant_scope(tenant.id, actor):
        row, raw = issue_key(tenant.id, "Internal checklist", "test", rate_limit_per_min=limits.CHECKLIST_RATE_PER_MIN)
    try:
        yield raw
    finally:
        with tenant_scope(tenant.id, actor):
            revoke_key(tenant.id, row.public_id, role="operator")


@contextmanager
def _reader(tenant: Tenant) -> Iterator[str]:
    """The link that signs a reader of our account in; they are a member only as long as this lasts."""
    with tenant_scope(tenant.id, "checklist"):
        for left in Member.objects.filter(tenant=tenant, user__email=READER):
            remove_member(left)
        member = add_member(tenant.id, READER, "finance", "Internal checklist")
    try:
        # It holds what the person's password was, which no tenant's transaction reads.
        yield magic_link(member.user)
    finally:
        with tenant_scope(tenant.id, "checklist"):
            remove_member(member)


def _client() -> httpx.Client:
    return httpx.Client(
        base_url=settings.SITE_URL,
        timeout=limits.CHECKLIST_REQUEST_TIMEOUT_S,
        trust_env=False,
        follow_redirects=True,
    )


def _get(path: str) -> httpx.Response:
    with _client() as client:
        return client.get(path)


def _installed(stage: Stage) -> Path:
    """The example in a folder of its own with what its lock names, installed once for each lock."""
    lock = (stage.example / "package-lock.json").read_bytes()
    folder = stage.work / sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "tsconfig.json", "batch_basic.ts"):
        shutil.copyfile(stage.example / name, folder / name)
    mark = folder / "installed"
    if not mark.exists():
        env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        done = _run(["npm", "ci", "--no-audit", "--no-fund"], folder, env, stage.left_s(limits.CHECKLIST_INSTALL_S))
        if done.returncode != 0:
            raise LineFailed(
                f"npm ci ended with {done.returncode}: {_last(done.stderr)}",
                "This host must reach the npm registry once, or have the packages in npm's cache.",
            )
        mark.touch()
    return folder


def _run(command: list[str], folder: Path, env: dict[str, str], within_s: float) -> subprocess.CompletedProcess[str]:
    # A session of its own: npx starts node as a child, which has to end with it.
    process = subprocess.Popen(
        command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        raise LineFailed(
            f"{' '.join(command[:2])} did not end within {within_s:.0f} s",
            "Look at Health at the desk: a worker has to run, and test videos take seconds.",
        ) from None
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _last(text: str) -> str:
    lines: list[Any] = [line.strip() for line in text.splitlines() if line.strip()]
    return str(lines[-1]) if lines else ""
