"""What browsers tell and what goes wrong here: taken, masked, grouped, counted, shown, forgotten."""

import json
import logging
from typing import Any

import pytest
import structlog
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.watch import error_log, limits, tasks
from pilothouse.kernel.watch.places import ELSEWHERE, masked, place_of

pytestmark = pytest.mark.house
DEAL = "deal_01hzx4t7q8aaaaaaaaaaaaaaaa"
PASSWORD = "a long pass phrase 7"


@pytest.fixture(autouse=True)
def _written_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread writes behind a test's back; what was queued before it is thrown away."""
    error_log.SEEN._take()
    monkeypatch.setattr(error_log.SEEN, "_start", lambda: None)


@pytest.fixture(scope="module")
def people(module_house: Any) -> Any:
    tenant = module_house.tenant("Nomad")
    with tenant_scope(tenant.id, "test"):
        add_member(tenant.id, "buyer@nomad.mn", "buyer", "Bat", PASSWORD)
    with worker_scope("test"):
        add_operator("operator@ours.example", "operator", "Op", PASSWORD)
    return tenant


def browser(email: str) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.get(email=email), backend="django.contrib.auth.backends.ModelBackend")
    return client


def post(client: Client, page: str, *events: dict[str, Any], **more: Any) -> Any:
    body = {"page": page, "events": list(events), **more}
    return client.post("/v1/client-events", json.dumps(body), content_type="application/json")


def groups() -> list[dict[str, Any]]:
    error_log.SEEN.flush()
    with worker_scope("test"):
        return run("SELECT * FROM error_group ORDER BY id")


def error(**fields: Any) -> dict[str, Any]:
    return {"kind": "error", "name": "TypeError", "message": "x is undefined", **fields}


@pytest.mark.unit
def test_a_place_is_a_route_and_words_name_nobody() -> None:
    assert place_of(f"/deals/{DEAL}/act/approve") == "/deals/:public_id/act/approve"
    assert place_of("/deals/x/act/approve") == "/deals/:public_id/act/approve"
    assert place_of("/deals/join/Zm9vYmFyLXNlY3JldC10b2tlbg") == "/deals/join/:secret"
    assert place_of("/nobody@example.com/99887766") == ELSEWHERE
    said = masked(f"bat@nomad.mn wrote 'my plate 1234' for {DEAL}: 30000000 at https://a.b/?k=1\nsecond line", 200)
    for secret in ("bat@", "plate", "1234", DEAL, "30000000", "a.b", "second"):
        assert secret not in said
    assert masked("x" * 900, 200) == "x" * 200


def test_a_browsers_events_are_grouped_and_counted_without_anybody_in_them(shared_house: Any, people: Any) -> None:
    buyer = browser("buyer@nomad.mn")
    script = "/static/ui/scripts/core.js"
    for number in range(3):
        sent = error(message=f"no deal {DEAL} of bat@nomad.mn, try {number}", script=script, line=12)
        assert post(buyer, f"/deals/{DEAL}/", sent, {"kind": "page", "ms": 900 + number}).status_code == 204
    acts = ({"kind": "act", "name": "copy-link"}, {"kind": "act", "to": f"/deals/{DEAL}/act/approve"})
    assert post(Client(), f"/deals/{DEAL}/claim", *acts, {"kind": "page", "ms": 5_000}).status_code == 204
    (found,) = [row for row in groups() if row["kind"] == "browser"]
    assert (found["count"], found["code"], found["place"]) == (3, "TypeError", "/deals/:public_id/")
    assert (found["example"]["script"], found["example"]["line"]) == (script, 12)
    with worker_scope("test"):
        stored = json.dumps(run("SELECT g.*, h.count AS n FROM error_group g JOIN error_hour h ON h.group_id = g.id"),
                            default=str)  # fmt: skip
        days = run("SELECT kind, place, name, count, ms, quick, slow FROM client_day ORDER BY kind, place, name")
    assert DEAL not in stored
    assert "bat@" not in stored
    assert days == [
        {"kind": "act", "place": "/deals/:public_id/claim", "name": "/deals/:public_id/act/approve", "count": 1,
         "ms": 0, "quick": 0, "slow": 0},
        {"kind": "act", "place": "/deals/:public_id/claim", "name": "copy-link", "count": 1, "ms": 0, "quick": 0,
         "slow": 0},
        {"kind": "page", "place": "/deals/:public_id/", "name": "", "count": 3, "ms": 2703, "quick": 3, "slow": 0},
        {"kind": "page", "place": "/deals/:public_id/claim", "name": "", "count": 1, "ms": 5000, "quick": 0, "slow": 1},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "error", "name": "E", "message": "m", "email": "bat@nomad.mn"},
        {"kind": "error", "name": "E", "message": "m" * 201},
        {"kind": "error", "name": "E", "message": "m\x00"},
        {"kind": "error", "name": "E", "message": 7},
        {"kind": "page", "ms": -1},
        {"kind": "page", "ms": True},
        {"kind": "page", "ms": 1.5},
        {"kind": "act", "name": "Bat wrote: hello"},
        {"kind": "act", "name": "a", "to": "/"},
        {"kind": "act"},
        {"kind": "note", "words": "hello"},
        {"kind": ["act"]},
        "act",
    ],
)
def test_what_is_not_on_the_list_refuses_the_whole_post(shared_house: Any, people: Any, event: Any) -> None:
    before = error_log.SEEN.queue.qsize()
    assert post(Client(), "/deals/", {"kind": "page", "ms": 5}, event).status_code == 422
    assert error_log.SEEN.queue.qsize() == before


def test_size_form_and_rate_are_bounded(shared_house: Any, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"kind": "page", "ms": 5}
    assert post(Client(), "/", *[page] * 21).status_code == 422
    assert post(Client(), "/", page, user="bat").status_code == 422
    assert post(Client(), "/", *[error(message="m" * 150)] * 20).status_code == 204
    assert post(Client(), "/", page, padding="x" * limits.CLIENT_EVENTS_BODY_MAX_BYTES).status_code == 413
    assert Client().post("/v1/client-events", "{", content_type="application/json").status_code == 400
    assert Client().get("/v1/client-events").status_code == 405
    monkeypatch.setattr("pilothouse.kernel.access.rate.CLIENT_POSTS_PER_MIN_MAX_COUNT", 3)
    far = Client(REMOTE_ADDR="198.51.100.7")
    answers = [post(far, "/", page).status_code for _ in range(5)]
    assert answers == [204, 204, 204, 429, 429]
    # Another address, and a person behind the same one, have their own count.
    assert post(Client(REMOTE_ADDR="198.51.100.8"), "/", page).status_code == 204
    operator = browser("operator@ours.example")
    operator.defaults["REMOTE_ADDR"] = "198.51.100.7"
    assert post(operator, "/", page).status_code == 204


def test_a_flood_of_new_kinds_is_one_group(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_log, "NEW_BROWSER_ERRORS_PER_DAY_MAX_COUNT", 2)
    for start in (0, 3):
        for letter in "abcdef"[start : start + 3]:
            error_log.record_browser_error("Error", f"made up {letter}", "", 0, "/")
        error_log.SEEN.flush()
    found = groups()
    assert [row["code"] for row in found if row["fingerprint"] == "more"] == ["more"]
    assert sorted(row["count"] for row in found) == [1, 1, 4]


def test_refusals_are_counted_by_code_and_link_what_they_were_about(shared_house: Any, people: Any) -> None:
    buyer = browser("buyer@nomad.mn")
    for _ in range(2):
        assert buyer.get(f"/v1/deals/{DEAL}").status_code == 404
    assert buyer.post("/v1/deals", "{}", content_type="application/json").status_code == 422
    told = {(row["code"], row["place"]): row for row in groups() if row["kind"] == "refused"}
    found = told["not_found", "/v1/deals/:deal_id"]
    assert found["count"] == 2
    assert found["example"]["subject"] == DEAL
    assert ("invalid_input", "/v1/deals") in told
    page = browser("operator@ours.example").get(f"/desk/errors/?state=refused&q={DEAL}").content.decode()
    assert f"/desk/deals/{DEAL}/" in page
    assert "2 times in 24 hours" in page


def test_our_own_errors_come_from_the_log_with_their_frames_and_no_values(
    shared_house: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = error_log.ErrorLogHandler(logging.ERROR)
    root = logging.getLogger()
    root.addHandler(handler)
    try:

        def broken(*_args: Any, **_options: Any) -> None:
            secret = "bat@nomad.mn"
            raise KeyError(f"no such person '{secret}' 4711")

        monkeypatch.setattr("pilothouse.programs.deals.desk_reads.deals", broken)
        monkeypatch.setattr("pilothouse.programs.deals.queries.deals", broken)
        operator = browser("operator@ours.example")
        for _ in range(3):
            assert operator.get("/desk/deals/").status_code == 500
        assert browser("buyer@nomad.mn").get("/v1/deals").status_code == 500
        try:
            broken()
        except KeyError:
            structlog.get_logger("pilothouse.test").exception("job_failed")
        logging.getLogger("django.request").error("Service Unavailable: %s", "/readyz")
    finally:
        root.removeHandler(handler)
    found = [row for row in groups() if row["kind"] == "server"]
    assert sorted((row["code"], row["place"], row["count"]) for row in found) == [
        ("KeyError", "/desk/deals/", 3), ("KeyError", "/v1/deals", 1), ("KeyError", "job_failed", 1),
    ]  # fmt: skip
    assert {row["area"] for row in found} >= {"deals"}
    shown = json.dumps([row["example"] for row in found]) + "".join(row["words"] for row in found)
    assert "bat@" not in shown
    assert "4711" not in shown
    assert "pilothouse.programs.deals.desk_deals.deals:" in shown
    page = operator.get("/desk/errors/").content.decode()
    assert page.index("KeyError") < page.index("not_found") if "not_found" in page else "KeyError" in page


def test_the_desk_shows_filters_and_teaches(shared_house: Any, people: Any) -> None:
    operator = browser("operator@ours.example")
    assert "No error matches" in operator.get("/desk/errors/?q=nothing-like-this").content.decode()
    post(operator, "/desk/", {"kind": "page", "ms": 700}, {"kind": "act", "name": "open-menu"})
    error_log.SEEN.flush()
    page = operator.get("/desk/errors/pages").content.decode()
    assert "open-menu" in page
    assert "700 ms" in page
    assert browser("buyer@nomad.mn").get("/desk/errors/").status_code == 404


@pytest.mark.tamper
def test_what_is_old_is_forgotten(house: Any) -> None:
    error_log.record_browser_error("Error", "old", "", 0, "/")
    error_log.record_browser_error("Error", "new", "", 0, "/")
    error_log.SEEN.flush()
    with house.admin() as admin:
        admin.execute("UPDATE error_group SET last_at = last_at - interval '91 days' WHERE words = 'old'")
        admin.execute("UPDATE error_hour SET hour = hour - interval '91 days' WHERE group_id = "
                      "(SELECT id FROM error_group WHERE words = 'old')")  # fmt: skip
    tasks.forget_errors()
    assert [row["words"] for row in groups()] == ["new"]


def test_the_log_is_written_by_one_function_only(house: Any) -> None:
    with house.connect("ph_web") as connection:
        assert connection.execute("SELECT log_seen('[]', '[]', 5)").fetchone() == (0,)
        for statement in ("SELECT * FROM error_group", "DELETE FROM error_hour", "UPDATE client_day SET count = 0"):
            with pytest.raises(Exception, match="permission denied"):
                connection.execute(statement)
