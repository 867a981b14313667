"""The internal checklist: what a run says as its lines come in, our own endpoint, and the page at the desk."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from forging import forged

pytestmark = pytest.mark.house
LINES = ("docs", "openapi")


def begun(within_s: int = 600, age_s: int = 0):
    """A run of two lines that began `age_s` seconds ago."""
    from pilothouse.kernel.base import clock
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.checklists import start_run
    from pilothouse.kernel.watch.models import ChecklistRun

    with worker_scope():
        run = start_run("enterprise", LINES, within_s, "cli:test")
        if not age_s:
            return run
        return ChecklistRun.objects.create(
            public_id=f"{run.public_id}_old", name="enterprise", expects=list(LINES), within_s=within_s,
            started_at=clock.now() - timedelta(seconds=age_s), started_by="cli:test",
        )  # fmt: skip


def lines(run, *ends: bool) -> str:
    """Record these lines and return the state of the newest run."""
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.checklists import checklist_runs, record_line

    with worker_scope():
        for name, ok in zip(LINES, ends, strict=False):
            record_line(run, name, ok=ok, seconds=1.5, evidence=f"{name} seen", advice="" if ok else "Mend it.")
        return checklist_runs("enterprise")[0].state


def test_a_run_passes_only_with_all_its_lines_in_time(shared_house) -> None:
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.checklists import valid_run

    assert lines(begun()) == "running"
    assert lines(begun(age_s=700), True) == "broken_off"
    assert lines(begun(), True, False) == "failed"
    assert lines(begun(age_s=700), True, True) == "failed", "it passed too late"
    with worker_scope():
        assert valid_run("enterprise") is None
    run = begun()
    assert lines(run, True, True) == "passed"
    # A pass holds for a day, also when a later run fails: it says when it was true.
    assert lines(begun(), True, False) == "failed"
    with worker_scope():
        found = valid_run("enterprise")
        assert found is not None
        assert found.public_id == run.public_id
        assert found.valid_until - found.started_at >= timedelta(hours=24)


def test_a_pass_is_over_after_a_day(shared_house) -> None:
    from dataclasses import replace

    from pilothouse.kernel.base import clock
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.checklists import checklist_runs

    lines(begun(), True, True)
    with worker_scope():
        found = checklist_runs("enterprise")[0]
    assert found.valid
    assert not replace(found, valid_until=clock.now() - timedelta(seconds=1)).valid


def test_a_line_without_node_says_so_and_does_not_pass(shared_house, monkeypatch, tmp_path: Path) -> None:
    from pilothouse.programs.video import checklist

    (tmp_path / "batch_basic.ts").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    stage = checklist.Stage(shared_house.tenant("Ours"), "ek_test_x", tmp_path, tmp_path, 0.0, "checklist-1")
    with pytest.raises(checklist.LineFailed) as refused:
        checklist.check_example(stage)
    assert "node and npx are not on this host" in refused.value.evidence
    assert refused.value.advice.startswith("Install Node")
    with pytest.raises(checklist.LineFailed, match="Not tried"):
        checklist.check_webhook(stage)


def test_our_endpoint_believes_only_a_genuine_event(shared_house) -> None:
    from standardwebhooks import Webhook

    from pilothouse.kernel.base import clock
    from pilothouse.kernel.base.scope import tenant_scope
    from pilothouse.kernel.outbox.secrets_at_rest import reveal_default_secret
    from pilothouse.programs.video.checklist_hook import hook_path

    tenant = shared_house.tenant("Ours")
    with tenant_scope(tenant.id):
        secret = reveal_default_secret()
    body = '{"batch_id":"bat_1"}'
    at = clock.now()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body),
    }
    path, client = hook_path(tenant.id), Client(enforce_csrf_checks=True)

    def sent(text: str, to: str = path) -> int:
        return client.post(to, text, content_type="application/json", headers=headers).status_code

    assert sent(body) == 200
    assert sent(body.replace("1", "2")) == 401
    assert sent("x" * 70_000) == 413
    assert sent(body, forged(path)) == 404
    other = shared_house.tenant("Another")
    assert sent(body, hook_path(other.id)) == 401, "another account's secret did not sign it"


def test_the_page_shows_each_line_with_what_to_do(shared_house) -> None:
    from django.contrib.auth import get_user_model

    shared_house.operators()
    client = Client()
    client.force_login(
        get_user_model().objects.get(username="first@house.example"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    lines(begun(), True, False)
    page = client.get("/desk/checklist/").content.decode()
    assert 'data-checklist="failed"' in page
    assert "Mend it." in page
    assert "openapi seen" in page
    lines(begun(), True)
    page = client.get("/desk/checklist/?part=1").content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert 'data-line="openapi" data-state="running"' in page
