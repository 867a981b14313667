"""The operators' day: a planted mismatch is guided to its end, a grant needs two of us, and parity is shown."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from patience import until
from playwright.sync_api import Page, expect

from pilothouse.kernel.base.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.browser, pytest.mark.tamper]
Opener = Callable[..., Page]
BATCH_PATIENCE_MS = 180_000
BATCH_PATIENCE_S = 180
PAGES = (
    "/desk/", "/desk/incidents/?state=all", "/desk/incidents/report", "/desk/gates/", "/desk/gates/close",
    "/desk/promises/", "/desk/promises/video:billing/", "/desk/stuck/", "/desk/health/", "/desk/deliveries/",
    "/desk/accounts/", "/desk/accounts/new", "/desk/grants/?state=all", "/desk/grants/new", "/desk/providers/",
    "/desk/parity/", "/desk/checklist/",
)  # fmt: skip


@contextmanager
def superuser(house: Any) -> Iterator[psycopg.Connection]:
    """A connection that passes every wall: no trigger of the house fires for it."""
    with psycopg.connect(EmbeddedPostgres(house.tree.data).dsn(dbname="pilothouse"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def send_batch(site: str, key: str, request_id: str) -> str:
    """The id of a new batch of ten."""
    items = [{"params": {"prompt": f"A loaf of bread, take {number}", "seconds": 1}} for number in range(10)]
    answer = httpx.post(
        f"{site}/v1/batches",
        json={"request_id": request_id, "items": items},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["batch_id"])


def ended(site: str, key: str, batch: str) -> None:
    """Wait for the batch's end."""
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {key}"}) as api:
        until(lambda: api.get(f"{site}/v1/batches/{batch}").json()["status"] == "completed", BATCH_PATIENCE_S, 1.5)


def account_of_its_own(house: Any, name: str) -> tuple[str, str]:
    """A new account: its id and a test key."""
    tenant = json.loads(house.cli("tenant", "create", name, "--json"))["tenant"]
    key = json.loads(house.cli("key", "issue", tenant, "--kind", "test", "--json"))["key"]
    return tenant, key


def confirmed(page: Page, button: str) -> None:
    """Press a button that asks once, and say yes."""
    page.get_by_role("button", name=button, exact=True).first.click()
    page.locator("dialog[open] button[type=submit], dialog[open] button[form]").click()


def fill_step(page: Page, step: str, button: str, **fields: str) -> None:
    """Fill the form of one step of an incident and send it."""
    form = page.locator(f"form[action$='/{step}']")
    for name, words in fields.items():
        form.locator(f"[name={name}]").fill(words)
    form.get_by_role("button", name=button).click()


def test_a_planted_mismatch_is_guided_from_breach_to_resume(
    live: object, person: Opener, accessible: Callable[[Page], None]
) -> None:
    house = person.house  # type: ignore[attr-defined]
    tenant, key = account_of_its_own(house, "Breach Bakery")
    batch = send_batch(house.site, key, "breached-1")
    ended(house.site, key, batch)
    olga = person("operator", f"/desk/accounts/{tenant}/")
    expect(olga.locator("tr", has_text="breached-1")).to_contain_text(re.compile("finished|failed", re.IGNORECASE))
    with superuser(house) as tamper:
        row = tamper.execute(
            "SELECT x.id, x.amount FROM transfer x JOIN item i ON i.id = x.item JOIN batch b ON b.id = i.batch"
            " WHERE b.public_id = %s AND x.kind = 'settle' ORDER BY x.id LIMIT 1",
            [batch],
        ).fetchone()
        assert row is not None
        tamper.execute("UPDATE transfer SET amount = amount + 7 WHERE id = %s", [row[0]])
    olga.goto("/desk/promises/video:billing/")
    olga.get_by_role("button", name="Run it now").click()
    expect(olga.locator(".message")).to_contain_text("The incident is open and the gate is closed.")
    olga.goto("/desk/")
    olga.locator(".need", has_text="Breach Bakery").locator("a").first.click()
    expect(olga.get_by_text("Resume is refused:")).to_be_visible()
    expect(olga.locator("pre.sql .sql-keyword").first).to_be_visible()
    accessible(olga)
    fill_step(olga, "acknowledge", "Take the incident")
    fill_step(olga, "root-cause", "Write the root cause", text="A superuser changed a settled amount by hand.")
    olga.get_by_role("button", name="Run the check again").click()
    expect(olga.locator(".message")).to_contain_text("still finds")
    expect(olga.get_by_role("button", name="Reopen the gate").first).to_be_disabled()
    with superuser(house) as tamper:
        tamper.execute("UPDATE transfer SET amount = %s WHERE id = %s", [row[1], row[0]])
    olga.get_by_role("button", name="Run the check again").click()
    expect(olga.locator(".message")).to_contain_text("it is green")
    expect(olga.get_by_text("You wrote the root cause")).to_be_visible()
    ada = person("admin", olga.url.removeprefix(house.site), width=390, scheme="dark")
    accessible(ada)
    fill_step(ada, "resolve", "Resolve the incident", resolution="The amount is as it was settled; access is revoked.")
    confirmed(ada, "Reopen the gate")
    expect(ada.locator(".message")).to_contain_text("The gate is open: work goes on.")
    expect(ada.locator("#incident-history")).to_contain_text("Resolved: The amount is as it was settled")


def test_a_grant_above_the_limit_takes_two_people(
    live: object, person: Opener, accessible: Callable[[Page], None]
) -> None:
    house = person.house  # type: ignore[attr-defined]
    tenant, _key = account_of_its_own(house, "Two Eyes Tea")
    olga = person("operator", f"/desk/grants/new?tenant={tenant}")
    expect(olga.get_by_text("has 1,000 left today")).to_be_visible()
    olga.fill("[name=amount]", "2500")
    confirmed(olga, "Grant the credits")
    expect(olga.locator(".field-error")).to_be_visible()
    assert olga.input_value("[name=amount]") == "2500"
    # The browser notes the refused form's status; that is no fault of the page.
    complaints = person.complaints  # type: ignore[attr-defined]
    assert [complaint for complaint in complaints if "422" not in complaint] == []
    complaints.clear()
    olga.fill("[name=description]", "A pilot of 250 videos")
    confirmed(olga, "Grant the credits")
    mine = olga.locator(".need", has_text="A pilot of 250 videos")
    expect(mine).to_contain_text("another operator has to approve it")
    ada = person("admin", "/desk/", width=390)
    ada.locator(".need", has_text="A pilot of 250 videos").locator("a").first.click()
    waiting = ada.locator(".need", has_text="A pilot of 250 videos")
    accessible(ada)
    waiting.get_by_role("button", name="Approve it").click()
    ada.locator("dialog[open] button[type=submit]").click()
    expect(ada.locator(".message")).to_contain_text("2,500 credits are in the wallet.")
    olga.goto(f"/desk/accounts/{tenant}/")
    expect(olga.locator(".stat-row")).to_contain_text("2,500 credits")
    expect(olga.get_by_text("approved by operator admin@pilothouse.example")).to_be_visible()


def test_parity_through_both_entry_points_and_both_providers(
    live: object, person: Opener, accessible: Callable[[Page], None]
) -> None:
    house = person.house  # type: ignore[attr-defined]
    olga = person("operator", "/desk/parity/")

    def both_ways(mode: str) -> list[str]:
        olga.goto("/desk/parity/")
        olga.fill("[name=prompts]", "A brass bell on a blue cloth")
        olga.select_option("[name=mode]", mode)
        confirmed(olga, "Send them both ways")
        expect(olga.locator("[data-parity=pass]")).to_be_visible(timeout=BATCH_PATIENCE_MS)
        return re.findall(r"bat_\w+", olga.url)

    tested = both_ways("test")
    olga.goto("/desk/accounts/?q=Parity+proof")
    ours = str(olga.locator("[data-copy^=ten_]").first.get_attribute("data-copy"))
    house.cli("grant", ours, "100", "--description", "Browser test: parity of bytes")
    made = both_ways("live")
    expect(olga.get_by_text("Bytes: 1 of 1 videos")).to_be_visible()
    accessible(olga)
    olga.goto(f"/desk/parity/?a={tested[0]}&b={made[1]}")
    expect(olga.locator("[data-parity=pass]")).to_be_visible()
    providers = olga.locator("[data-field=providers]")
    expect(providers).to_contain_text("simulated")
    expect(providers).to_contain_text("local")
    expect(olga.get_by_text("outside provider", exact=True)).to_be_visible()


@pytest.mark.slow
def test_every_page_in_both_widths_and_schemes(
    live: object, person: Opener, accessible: Callable[[Page], None]
) -> None:
    for width, scheme in ((1440, "dark"), (390, "light")):
        page = person("admin", "/desk/", width=width, scheme=scheme)
        for path in PAGES:
            page.goto(path)
            accessible(page)
