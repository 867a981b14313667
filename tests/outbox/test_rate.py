"""The speed to hold (design §10), measured against the bare limit in the same run."""

from typing import Any

import pytest

from pilothouse.kernel.outbox.bench import webhook_rate


@pytest.mark.house
@pytest.mark.http
def test_the_bench_measures_a_dead_endpoint_among_ten(house: Any) -> None:
    """Small, so that a busy machine passes; `pilothouse bench webhooks` runs it at size."""
    found = webhook_rate(messages=60, rounds=2)
    assert found["deliveries"] == 1080
    assert found["rate"] >= 100
    assert found["bare_rate"] > found["rate"] * 0.8
    with house.connect() as db:
        dead = db.execute(
            "SELECT count(*) FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id"
            " WHERE e.url LIKE '%/dead' AND d.state = 'delivered'"
        ).fetchone()
    assert dead == (0,)
