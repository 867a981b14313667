"""Rehearsals of an enterprise customer: videos, webhooks and credits, with upstreams that fail and workers that die."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from pilothouse.pilots.rehearsal.play import rehearse
from pilothouse.programs.video.population import CustomerPopulation
from pilothouse.site.seed import seed

pytestmark = pytest.mark.house
SEED, ITEMS = 7, 10
Copy = Callable[[Any], AbstractContextManager[Any]]


def played(batches: int = 1, **options: Any) -> dict[str, Any]:
    """The first day of a pilot in the open house."""
    seed()
    return rehearse("video", CustomerPopulation(batches), **{"days": 1, "seed": SEED, **options})


def test_a_customer_is_played_and_the_credits_add_up(timed_house: Any) -> None:
    told = played()
    assert told["findings"] == []
    (money,) = told["money"]
    last = told["series"][-1]
    assert money["into"] == sum(money["parts"].values())
    assert money["parts"]["settled"] == 10 * last["videos_made"] > 0
    assert last["videos_made"] + last["videos_refunded"] == ITEMS
    assert any("engineer confirms bat_" in line["what"] for line in told["story"])
    assert (told["pilot"]["state"], told["pilot"]["signed"]) == ("succeeded", True)


@pytest.mark.slow
def test_the_same_seed_tells_the_same_story_and_faults_break_nothing(timed_house: Any, copy_house: Copy) -> None:
    stories = []
    for _ in range(2):
        with copy_house(timed_house):
            stories.append(played(3, days=3, faults=True))
    first, again = (json.dumps(story, indent=1, ensure_ascii=False).splitlines() for story in stories)
    assert first == again
    told = stories[0]
    assert told["findings"] == []
    assert told["money"][0]["holds"]
    last = told["series"][-1]
    assert last["videos_made"] + last["videos_refunded"] == 3 * ITEMS
    assert {"worker_death", "clock_jump", "workers_down", "endpoint_down", "provider_storm"} <= set(
        told["faults"]["struck"]
    )
