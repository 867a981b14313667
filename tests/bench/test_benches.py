"""Each bench runs, small, and reports the fields that its readers rely on. What it measures is not judged here."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.watch.invariants import run_all
from pilothouse.programs.deals.publishing import publish_first_terms
from pilothouse.programs.video.prices import publish_default_price
from pilothouse.site.bench import api, items, ledger, limits, pages, rounds, statements, table, timers, webhooks
from pilothouse.site.bench.world import World

ROW = {"what", "unit", "figure", "min", "max", "hold", "aim", "less_is_better", "void", "holds", "aims"}
SMALL = {
    "CHUNK_ROWS": 20, "ITEMS_PER_ROUND_COUNT": 40, "BATCH_ITEMS_COUNT": 20, "PROCRASTINATE_JOBS_COUNT": 5,
    "LEDGER_ITEMS_COUNT": 20, "MESSAGES_PER_ROUND_COUNT": 3, "API_BATCH_ITEMS_COUNT": 10,
    "REQUESTS_PER_ROUND_COUNT": 3, "API_CONCURRENCY": 2, "SEED_BATCHES_COUNT": 30, "SEED_BATCH_ITEMS_COUNT": 10,
    "SEED_OPEN_BATCHES_COUNT": 2, "SEED_DEALS_COUNT": 200, "SEED_BUYERS_COUNT": 5, "TIMERS_DUE_COUNT": 20,
    "TIMERS_IDLE_COUNT": 100, "IDLE_TICKS_COUNT": 2, "IDLE_CHUNKS_COUNT": 1,
}  # fmt: skip


@pytest.fixture
def world(house: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """A house of the suite's own server with funded tenants; its durability says nothing about speed."""
    from django.conf import settings

    for name, value in SMALL.items():
        monkeypatch.setattr(limits, name, value)
    monkeypatch.setattr(settings, "WEBHOOK_ALLOW_LOCAL", True)
    with worker_scope():
        publish_default_price()
    tenants = []
    for number in range(3):
        tenant = house.tenant(f"Bench {number}")
        house.fund(tenant.id, 100_000, f"Bench {number}")
        tenants.append(tenant.id)
    with worker_scope():
        run("UPDATE tenant SET settings = %s WHERE id = ANY(%s) RETURNING id", ['{"batch_items_max": 100}', tenants])
    return World(house.env(WEBHOOK_ALLOW_LOCAL="1"), tenants[:-1], tenants[-1])


def publish_market_terms() -> None:
    with worker_scope():
        publish_first_terms()


def checked(report: dict[str, Any], lines: int) -> dict[str, Any]:
    """The report, which is plain JSON with a table of so many whole lines."""
    report = json.loads(json.dumps(report))
    assert [set(line) for line in report["table"]] == [ROW] * lines
    for line in report["table"]:
        assert line["min"] <= line["figure"] <= line["max"]
    return report


@pytest.mark.house
@pytest.mark.tamper
def test_items_reports_both_ratios_of_one_run(world: World) -> None:
    report = checked(items.bench(world, 2, lambda step: None), 2)
    for name in ("rate", "bare_rate", "procrastinate_rate", "ratio_to_bare", "ratio_to_procrastinate"):
        assert report[name] > 0
    assert report["rounds"] == 2
    with world.connect() as db:
        left = db.execute("SELECT count(*) FROM item WHERE state <> 'succeeded'").fetchone()
    assert left == (0,), "every item of every round is settled"


@pytest.mark.house
@pytest.mark.tamper
def test_ledger_reports_three_moves_and_writes_as_many_rows_as_the_bare_statement(world: World) -> None:
    report = checked(ledger.bench(world, 2, lambda step: None), 3)
    assert all(report[move]["rate"] > 0 for move in ledger.MOVES)
    with world.connect() as db:
        ours, bare = (
            db.execute(
                f"SELECT x.kind, count(*) FROM {schema}.transfer x WHERE x.kind <> 'grant' GROUP BY 1 ORDER BY 1"
            ).fetchall()
            for schema in ("public", "bare")
        )
        open_ = db.execute("SELECT count(*) FROM bare.item WHERE state NOT IN ('succeeded', 'refunded')").fetchone()
    assert ours == bare
    assert open_ == (0,)


@pytest.mark.house
@pytest.mark.tamper
@pytest.mark.http
@pytest.mark.slow
def test_api_posts_whole_batches_to_both(world: World) -> None:
    report = checked(api.bench(world, 2, lambda step: None), 1)
    assert report["cpu_ms"] >= 0
    wanted = 3 * limits.REQUESTS_PER_ROUND_COUNT  # a warm-up and two rounds
    with world.connect() as db:
        made = db.execute("SELECT tenant, count(*), sum(total) FROM batch GROUP BY 1 ORDER BY 1").fetchall()
    assert made == [(tenant, wanted, wanted * limits.API_BATCH_ITEMS_COUNT) for tenant in world.tenants]


@pytest.mark.house
@pytest.mark.tamper
@pytest.mark.http
@pytest.mark.slow
def test_webhooks_reach_the_nine_that_answer(world: World) -> None:
    report = checked(webhooks.bench(world, 2, lambda step: None), 1)
    assert report["rate"] > 0
    assert report["deliveries_per_round"] == 27


@pytest.mark.house
@pytest.mark.tamper
@pytest.mark.slow
def test_pages_are_found_and_measured_on_a_ledger_that_adds_up(world: World) -> None:
    ledger.bench(world, 2, lambda step: None)  # what `bench all` has left behind by now is not taken for the seed
    publish_market_terms()
    report = checked(pages.bench(world, 2, lambda step: None), 1)
    assert report["items"] == 300
    assert {"/overview/", "/batches/", "/ledger/", "/ledger/statement", "/webhooks/deliveries/", "/desk/"} <= set(
        report["pages"]
    )
    assert any(re.fullmatch(r"/batches/bat_\w+/items/itm_\w+/", address) for address in report["pages"])
    assert not any(address.startswith("/v1/") for address in report["pages"])
    assert {"/deals/", "/admin/disputes", "/desk/deals/", "/desk/deals/metrics", "/desk/terms/"} <= set(report["pages"])
    for pattern in (r"/deals/deal_\w+/", r"/admin/disputes/dis_\w+", r"/admin/disputes/handovers/deal_\w+"):
        assert any(re.fullmatch(pattern, address) for address in report["pages"]), pattern
    # The seed goes round the triggers; what they would have refused is not there.
    assert [found["name"] for found in run_all() if found["rows"]] == []


@pytest.mark.house
@pytest.mark.tamper
def test_timers_fire_each_deal_once_and_write_what_the_bare_statement_writes(world: World) -> None:
    publish_market_terms()
    report = checked(timers.bench(world, 2, lambda step: None), 2)
    fired = 3 * limits.TIMERS_DUE_COUNT  # a warm-up and two rounds
    assert report["armed"] == limits.TIMERS_IDLE_COUNT + limits.SEED_DEALS_COUNT
    with world.connect() as db:
        for schema in ("public", "bare_timers"):
            counts = db.execute(
                f"SELECT (SELECT count(*) FROM {schema}.deal WHERE state = 'HOLDBACK' AND to_seller = immediate),"
                f" (SELECT count(*) FROM {schema}.event WHERE subject_kind = 'deal' AND type = 'approve'),"
                f" (SELECT count(*) FROM {schema}.transfer WHERE kind = 'release'),"
                f" (SELECT count(*) FROM {schema}.account WHERE kind = 'payable' AND credits > 0),"
                f" (SELECT count(*) FROM {schema}.timer WHERE name = 'holdback_release' AND state = 'armed')"
            ).fetchone()
            assert counts == (fired,) * 5, schema
    assert [found["name"] for found in run_all() if found["rows"]] == []


@pytest.mark.unit
def test_a_ratio_is_taken_round_by_round_and_its_order_turns() -> None:
    order: list[str] = []
    figures = iter([1.0, 10.0, 2.0, 40.0, 30.0, 3.0])

    def contender(name: str) -> rounds.Contender:
        def run() -> dict[str, float]:
            order.append(name)
            return {name: next(figures)}

        return run

    found = rounds.interleaved([contender("a"), contender("b")], 2)
    assert order == ["a", "b", "a", "b", "b", "a"]
    assert found.ratio("b", "a") == rounds.Spread(15.0, 10.0, 20.0)


@pytest.mark.unit
def test_a_line_knows_what_it_must_hold() -> None:
    spread = rounds.Spread(1.2, 1.0, 1.4)
    assert table.row("more is better", spread, 1.0, 2.0)["holds"]
    assert not table.row("less is better", spread, 1.0, 0.5, less=True)["holds"]
    void = table.row("its peer was slowed", spread, 2.0, 3.0, void=True)
    assert void["holds"]
    assert not void["aims"]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("bare_queue", ["schema", "fill", "claim", "complete"]),
        (
            "bare_timers",
            [
                "schema",
                "fill_accounts",
                "fill_deals",
                "fill_timers",
                "fire",
                "make_due",
                "make_bare_due",
                "arm_idle",
                "disarm_idle",
            ],
        ),
        ("bare_ledger", ["schema", "reserve", "start", "start_batch", "settle", "refund"]),
    ],
)
def test_the_bare_statements_are_files(file: str, names: list[str]) -> None:
    assert list(statements.load(file)) == names
