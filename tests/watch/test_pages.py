"""The operator desk by Django's client: who sees it, what it says when all is quiet and when it is not."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse
from world import completed_batch

from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.watch import invariants, promises
from pilothouse.kernel.watch.commands import open_incident
from pilothouse.kernel.watch.gates import close_gate
from pilothouse.kernel.work.jobs import queue

pytestmark = pytest.mark.house
PASSWORD = "a long pass phrase 7"
OPERATORS = {"admin": "ada@ours.example", "operator": "olga@ours.example", "support": "sam@ours.example"}
READS = (
    "desk:home", "desk:incidents", "desk:gates", "desk:promises", "desk:stuck", "desk:health", "desk:deliveries",
    "desk:tenants", "desk:grants", "video:desk_providers", "video:desk_parity", "video:desk_parity_live",
)  # fmt: skip
FORMS = ("desk:incident_report", "desk:gate_close", "desk:tenant_new", "desk:grant_new")


@pytest.fixture(scope="module")
def world(module_house):
    """A completed batch, its customer's owner, and one operator of each role."""
    made = completed_batch(module_house)
    with worker_scope("test"):
        for role, email in OPERATORS.items():
            add_operator(email, role, role.capitalize(), PASSWORD)
    with tenant_scope(made.tenant, "test"):
        add_member(made.tenant, "owner@customer.example", "owner", "Omar Owner", PASSWORD)
        (row,) = run("SELECT public_id, name FROM tenant WHERE id = %s", [made.tenant])
    promises.run()
    invariants.run_all()
    return {"made": made, "tenant": row["public_id"], "name": row["name"]}


def desk(who: str) -> Client:
    """A browser in which somebody is signed in."""
    from django.contrib.auth import get_user_model

    client = Client()
    client.force_login(
        get_user_model().objects.get(email=OPERATORS.get(who, who)),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


def give_up(kind: str, error: str) -> None:
    """A job that has used up its tries."""
    queue(kind, {})
    run("UPDATE job SET state = 'failed', error = %s, attempt = 8, next_run_at = NULL WHERE kind = %s", [error, kind])


def detail_urls(world) -> list[str]:
    """One address of each page about one thing."""
    return [
        reverse("desk:check", args=["video:parity"]),
        reverse("desk:check", args=["invariant:01_debits_equal_credits"]),
        reverse("desk:tenant", args=[world["tenant"]]),
    ]


def test_to_a_customer_and_a_stranger_the_desk_does_not_exist(shared_house, world):
    urls = [*(reverse(name) for name in (*READS, *FORMS)), *detail_urls(world)]
    customer, stranger = desk("owner@customer.example"), Client()
    for url in urls:
        assert customer.get(url).status_code == 404, url
        assert stranger.get(url).headers["Location"].startswith("/account/login/"), url
    for url in [reverse("desk:check_run", args=["video:parity"]), reverse("video:desk_parity_run")]:
        assert customer.post(url).status_code == 404


@pytest.mark.parametrize("role", sorted(OPERATORS))
def test_each_role_reads_every_page_and_support_changes_nothing(shared_house, world, role):
    client = desk(role)
    for url in [*(reverse(name) for name in READS), *detail_urls(world)]:
        answer = client.get(url)
        assert answer.status_code == 200, url
        assert (b"btn-primary" in answer.content and b"Run it now" in answer.content) <= (role != "support")
    wanted = 403 if role == "support" else 200
    assert {client.get(reverse(name)).status_code for name in FORMS} == {wanted}


def test_each_look_is_a_row_with_the_operators_name(shared_house, world):
    desk("support").get(reverse("desk:tenant", args=[world["tenant"]]))
    with worker_scope():
        rows = run(
            "SELECT what FROM ops_access WHERE actor = %s ORDER BY id DESC LIMIT 1",
            [f"operator:{OPERATORS['support']}"],
        )
    assert rows == [{"what": f"GET /desk/accounts/{world['tenant']}/"}]


def test_all_is_quiet_says_when_it_was_looked_at(shared_house, world):
    with worker_scope():
        run(
            "INSERT INTO schedule (name, last_run_at) SELECT n, base.clock_now() FROM unnest(%s::text[]) AS t (n)"
            " ON CONFLICT DO NOTHING",
            [["watch_promises", "watch_invariants", "watch_stuck"]],
        )
    page = desk("operator").get("/desk/").content.decode()
    assert "All is quiet." in page
    assert "Promises last checked" in page


def test_the_tenant_page_shows_the_ledgers_numbers_and_hints_only(shared_house, world):
    from pilothouse.kernel.access.commands import issue_key

    with tenant_scope(world["made"].tenant, "test"):
        _row, raw = issue_key(world["made"].tenant, "Pilot key")
        wallet = balance(world["made"].tenant)
    page = desk("support").get(reverse("desk:tenant", args=[world["tenant"]])).content.decode()
    assert f'value="{wallet.available}"' in page
    assert raw not in page
    assert f"{raw[:9]}…{raw[-4:]}" in page
    assert world["made"].public_id in page


def test_search_keeps_its_words_and_an_empty_answer_teaches(shared_house, world):
    client = desk("support")
    page = client.get(reverse("desk:tenants") + "?q=owner@customer.example").content.decode()
    assert world["tenant"] in page
    nothing = client.get(reverse("desk:tenants") + "?q=nobody").content.decode()
    assert "No account matches" in nothing
    assert 'value="nobody"' in nothing


def test_an_account_is_opened_once_however_often_the_form_is_sent(shared_house, world):
    client = desk("operator")
    form = client.get(reverse("desk:tenant_new")).content.decode()
    (own_id,) = re.findall(r'value="(ten_[0-9a-z]{26})"', form)
    given = {"public_id": own_id, "name": "Fjord Lamps", "timezone": "Europe/Oslo", "owner": "lena@fjord.example"}
    for _time in range(2):
        answer = client.post(reverse("desk:tenant_new"), given)
        assert answer.headers["Location"] == reverse("desk:tenant", args=[own_id])
    with worker_scope():
        assert run("SELECT count(*) AS n FROM tenant WHERE name = 'Fjord Lamps'")[0]["n"] == 1
        assert run(
            "SELECT email, role FROM invitation i JOIN tenant t ON t.id = i.tenant WHERE t.public_id = %s", [own_id]
        ) == [{"email": "lena@fjord.example", "role": "owner"}]
    bad = client.post(reverse("desk:tenant_new"), {**given, "timezone": "Mars/Olympus"})
    assert bad.status_code == 422
    assert "There is no such time zone" in bad.content.decode()
    assert 'value="Fjord Lamps"' in bad.content.decode()


def test_a_flag_is_set_with_its_reason_and_bad_json_is_said_beside_it(shared_house, world):
    client, url = desk("operator"), reverse("desk:tenant_flag", args=[world["tenant"]])
    bad = client.post(url, {"name": "beta", "value": "yes please", "reason": "asked"})
    assert bad.status_code == 422
    assert "This is not JSON" in bad.content.decode()
    assert client.post(url, {"name": "beta", "value": "true", "reason": "They asked for it"}).status_code == 302
    with tenant_scope(world["made"].tenant):
        assert run("SELECT value, set_by FROM flag WHERE name = 'beta'") == [
            {"value": True, "set_by": f"operator:{OPERATORS['operator']}"}
        ]


def test_the_board_shows_the_sql_and_runs_a_check_now(shared_house, world):
    client = desk("operator")
    page = client.get(reverse("desk:check", args=["video:refund"])).content.decode()
    assert '<span class="sql-keyword">SELECT</span>' in page
    runs = page.count("everything")
    answer = client.post(reverse("desk:check_run", args=["video:refund"]), follow=True)
    assert "It finds nothing: green." in answer.content.decode()
    assert answer.content.decode().count("everything") == runs + 1
    assert client.post(reverse("desk:check_run", args=["video:nothing"])).status_code == 404
    board = client.get(reverse("desk:promises")).content.decode()
    assert "Every failed item's credits return in full" in html.unescape(board)
    assert "API calls answered without a failure of ours" in board
    everything = client.post(reverse("desk:check_run", args=["invariant:everything"]), follow=True)
    assert "It finds nothing: green." in everything.content.decode()


def test_a_gate_closes_with_a_reason_and_opens_again(shared_house, world):
    client = desk("operator")
    close = reverse("desk:gate_close")
    given = {"program": "video", "mode": "no_new", "tenant": world["tenant"], "reason": ""}
    assert client.post(close, given).status_code == 422
    unknown = client.post(close, {**given, "reason": "Maintenance", "tenant": "ten_nothing"})
    assert unknown.status_code == 404
    assert "Maintenance" in unknown.content.decode()
    assert client.post(close, {**given, "reason": "Maintenance until noon"}).status_code == 302
    page = client.get(reverse("desk:gates")).content.decode()
    assert "Maintenance until noon" in page
    (gate,) = re.findall(r"/desk/gates/(gat_\w+)/reopen", page)
    again = client.post(reverse("desk:gate_reopen", args=[gate]), {"back": "https://elsewhere.example/"})
    assert again.headers["Location"] == reverse("desk:gates")
    assert "Nothing is paused" in client.get(reverse("desk:gates")).content.decode()


def test_what_needs_somebody_is_on_the_first_page_the_worst_first(shared_house, world):
    with ops_scope("test"):
        open_incident("backup_stale", "No backup since Monday")
        open_incident("stuck_subject", "3 of kind item wait for nothing", subject="item", check_name="stuck:item")
        open_incident("user_safety", "A video shows a person who never agreed", program="video")
        close_gate("video", "Held by hand.", mode="no_new")
    with worker_scope():
        give_up("export", "OSError: disk full")
    page = desk("operator").get("/desk/").content.decode()
    assert page.index("A video shows a person") < page.index("No backup since Monday")
    assert "Held by hand." in page
    assert re.search(r'Stuck</a></span><span class="stat-value">1<', page)
    assert "OSError: disk full" in page
    assert "All is quiet." not in page


def test_a_job_that_gave_up_is_queued_again_once(shared_house, world):
    with worker_scope():
        give_up("retried", "boom")
        (row,) = run("SELECT id FROM job WHERE kind = 'retried'")
    client, url = desk("admin"), reverse("desk:job_retry", args=[row["id"]])
    assert "queued again" in client.post(url, follow=True).content.decode()
    assert "You cannot queue this job again: its state is “Queued”." in client.post(url, follow=True).content.decode()
    with worker_scope():
        (job,) = run("SELECT state, attempt, error FROM job WHERE id = %s", [row["id"]])
    assert job == {"state": "queued", "attempt": 0, "error": ""}
