"""The pages of batches: each number is the API's and the export's, each link keeps its filter, roles see their own."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.kernel.access.usage import USAGE
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.kernel.outbox.queries import has_endpoints
from pilothouse.programs.video.commands import set_batch_limits
from pilothouse.programs.video.prices import publish_default_price

sys.path.insert(0, str(Path(__file__).parent))
from console import Customer

pytestmark = pytest.mark.house
LARGE = 60


class World:
    """A customer with a finished, a large and a test batch, and one with nothing."""

    def __init__(self, house: Any) -> None:
        with worker_scope():
            publish_default_price()
        self.ours = Customer(house, "Northwind", 1_000)
        self.empty = Customer(house, "Southgate", 0)
        with tenant_scope(self.ours.tenant.id, "operator:test"):
            create_endpoint("https://hooks.northwind.example/sora2", "Production")
        with worker_scope("operator:test"):
            set_batch_limits(self.ours.tenant.id, 1, 100)
        self.finished = self.ours.create("order-finished")
        self.ours.finish()
        self.large = self.ours.create("order-large", LARGE, seconds=2)


@pytest.fixture(scope="module")
def module_world(module_house: Any) -> World:
    return World(module_house)


@pytest.fixture
def world(module_world: World, shared_house: Any) -> Iterator[World]:
    yield module_world
    # The log of calls is written behind; its house must still be there.
    USAGE.flush()


def text(answer: Any) -> str:
    assert answer.status_code == 200, (answer.status_code, answer.content[:3000])
    return str(answer.content.decode())


def parts(page: str, bar: str) -> dict[str, int]:
    """The amounts of one money bar on a page, as its table for screen readers has them."""
    (figure,) = re.findall(rf'<figure class="money-bar"(?:(?!</figure>).)*id="{bar}-clip".*?</figure>', page, re.DOTALL)
    found = {key: int(amount) for key, amount in re.findall(r'data-part="(\w+)" data-amount="(\d+)"', figure)}
    return {"reserved": int(re.findall(r'data-total="(\d+)"', figure)[0]), **found}


def test_the_same_numbers_on_page_api_export_and_webhook(world: World) -> None:
    api = world.ours.api(f"/v1/batches/{world.finished}")["ledger"]
    finance = world.ours.browser("finance")
    assert api == {"reserved": 100, "settled": 90, "refunded": 10, "in_flight": 0}
    assert parts(text(finance.get(f"/batches/{world.finished}/")), "batch-money") == api
    export = csv.DictReader(io.StringIO(world.ours.api(f"/v1/ledger?format=csv&batch_id={world.finished}")))
    sums = dict.fromkeys(("freeze", "settle", "refund"), 0)
    for row in export:
        sums[row["type"]] += int(row["amount"])
    assert list(sums.values()) == [api["reserved"], api["settled"], api["refunded"]]
    rows = text(finance.get("/ledger/", {"batch": world.finished}))
    shown = sorted(
        int(amount) for amount in re.findall(r'data-row="[^"]+" data-delta="[^"]+" data-amount="(\d+)"', rows)
    )
    listed = world.ours.api(f"/v1/ledger?batch_id={world.finished}")["rows"]
    assert shown == sorted(row["amount"] for row in listed) == [10, 90, 100]
    month = parts(text(finance.get("/overview/")), "month-money")
    assert month == {"reserved": 700, "settled": 90, "refunded": 10, "in_flight": 600}


def test_the_overview_shows_each_role_its_own(world: World) -> None:
    engineer = text(world.ours.browser("engineer").get("/overview/"))
    finance = text(world.ours.browser("finance").get("/overview/"))
    owner = text(world.ours.browser("owner").get("/overview/"))
    work = ("Running now", "Failed lately", "its parameters were refused", "hooks.northwind.example")
    money = ("where the credits are", "Statement of the month", "Reconcile a webhook")
    for words, sees, not_sees in ((work, (engineer, owner), finance), (money, (finance, owner), engineer)):
        for word in words:
            assert all(word in page for page in sees), word
            assert word not in not_sees, word
    assert "New batch" in engineer
    assert "New batch" not in finance
    assert "order-large" in finance.partition("Open holds")[2]


def test_an_account_without_a_batch_is_taught(world: World) -> None:
    owner = world.empty.browser("owner")
    assert owner.get("/").url == "/overview/"
    page = text(owner.get("/overview/"))
    assert page.index("Have credits in the wallet") < page.index("Issue an API key") < page.index("Create the first")
    assert "No batch was accepted this month" in page
    assert "Nothing was posted yet" in text(owner.get("/ledger/"))
    assert "No batches yet" in text(owner.get("/batches/"))
    assert "Nothing was posted in this month" in text(owner.get("/ledger/statement"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["order-large", "order-finished"]),
        ({"sort": "oldest"}, ["order-finished", "order-large"]),
        ({"sort": "largest"}, ["order-large", "order-finished"]),
        ({"outcome": "partial"}, ["order-finished"]),
        ({"outcome": "all_failed"}, []),
        ({"mode": "test"}, []),
        ({"from": "2001-01-01", "to": "2001-12-31"}, []),
        ({"from": "2001-01-01"}, ["order-large", "order-finished"]),
        ({"from": "not a day", "mode": "none", "sort": "'"}, ["order-large", "order-finished"]),
        ({"to": "9999-12-31"}, ["order-large", "order-finished"]),
        ({"q": "order-l"}, ["order-large"]),
        ({"q": "50%"}, []),
    ],
)
def test_the_list_filters_and_orders(world: World, query: dict[str, str], found: list[str]) -> None:
    page = text(world.ours.browser("finance").get("/batches/", query))
    assert re.findall(r'class="row-link" href="[^"]+">([^<]+)<', page) == found


def test_a_page_of_the_list_keeps_its_filter_and_its_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.programs.video.limits.LIST_PAGE_ROWS", 1)
    browser = world.ours.browser("engineer")
    assert browser.get("/batches/", {"last": "12"}).status_code == 422
    for sort, second in (("largest", "order-finished"), ("oldest", "order-large")):
        first = text(browser.get("/batches/", {"sort": sort, "mode": "live"}))
        (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
        following = following.replace("&amp;", "&")
        assert f"sort={sort}" in following
        assert "mode=live" in following
        page = text(browser.get(following))
        assert re.findall(r'class="row-link" href="[^"]+">([^<]+)<', page) == [second]
        assert 'rel="next"' not in page


def test_a_large_batch_is_paged_both_ways_and_jumped_into(world: World) -> None:
    browser, url = world.ours.browser("engineer"), f"/batches/{world.large}/"

    def places(query: dict[str, Any]) -> list[int]:
        return [int(n) for n in re.findall(r"#(\d+) · 2 s", text(browser.get(url, query)))]

    first, middle = places({}), places({"after": 24})
    assert (first, middle) == (list(range(1, 25)), list(range(25, 49)))
    assert places({"before": 25}) == first
    assert places({"goto": LARGE}) == [LARGE]
    assert places({"goto": 10}) == list(range(10, 34))
    assert places({"status": "failed"}) == []
    assert "25–48 of 60" in text(browser.get(url, {"after": 24}))


def test_a_batch_on_its_way_says_who_will_be_told(world: World) -> None:
    engineer = world.ours.browser("engineer")
    told = "Your active endpoints are told when it ends."
    assert told in text(engineer.get(f"/batches/{world.large}/"))
    assert told not in text(engineer.get(f"/batches/{world.finished}/"))
    with tenant_scope(world.ours.tenant.id):
        # A batch of test credits is told to the endpoints of test batches alone, and there is none.
        assert (has_endpoints("live"), has_endpoints("test")) == (True, False)
    with tenant_scope(world.empty.tenant.id):
        assert not has_endpoints("live")


def test_a_video_shows_what_was_asked_what_happened_and_its_credits(world: World) -> None:
    browser = world.ours.browser("engineer")
    items = world.ours.api(f"/v1/batches/{world.finished}/items")["items"]
    failed = next(item for item in items if item["status"] == "refunded")
    page = text(browser.get(f"/batches/{world.finished}/items/{failed['item_id']}/"))
    assert parts(page, "item-money") == {"reserved": 10, "settled": 0, "refunded": 10, "in_flight": 0}
    assert failed["fingerprint"] in page
    assert "Change the prompt or the image" in page
    assert "Previous" not in page.partition("<main")[2]
    good = items[-1]
    page = text(browser.get(f"/batches/{world.finished}/items/{good['item_id']}/"))
    assert parts(page, "item-money") == {"reserved": 10, "settled": 10, "refunded": 0, "in_flight": 0}
    assert re.search(r'href="/files/[^"]+" download', page)
    assert browser.get(f"/batches/{world.large}/items/{good['item_id']}/").status_code == 404


def test_another_account_sees_nothing_of_it(world: World) -> None:
    stranger = world.empty.browser("owner")
    item = world.ours.api(f"/v1/batches/{world.finished}/items")["items"][0]["item_id"]
    for path in (f"/batches/{world.finished}/", f"/batches/{world.finished}/items/{item}/"):
        assert stranger.get(path).status_code == 404
    assert "Settled" not in re.findall("<tbody.*</tbody>", text(stranger.get("/ledger/", {"batch": world.finished})))
