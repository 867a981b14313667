"""Routing, waiting, the breaker and the bucket are functions of their inputs."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.breaker import Breaker
from pilothouse.programs.video.providers.protocol import Capabilities, VideoJob
from pilothouse.programs.video.providers.routing import (
    Chosen,
    NoRoute,
    ProviderState,
    Route,
    RoutingPolicy,
    TokenBucket,
    Wait,
    broken_wait_s,
    capacity_wait_s,
    choose,
    preference,
)

pytestmark = pytest.mark.unit
ALL = Capabilities()
POLICY = RoutingPolicy((Route("a", 3), Route("b", 1), Route("c", 0)))


def job(item: str = "itm_1", **other: Any) -> VideoJob:
    return VideoJob(**{"item": item, "prompt": "sea", "aspect": "9:16", "seconds": 4, **other})


def states(**waits: float) -> dict[str, ProviderState]:
    return {name: ProviderState(ALL, breaker_wait_s=waits.get(name, 0.0)) for name in "abc"}


def test_the_first_choice_follows_the_weights_and_never_the_failover_only() -> None:
    firsts = Counter(preference(POLICY, f"itm_{n}")[0] for n in range(4_000))
    assert set(firsts) == {"a", "b"}
    assert 0.72 < firsts["a"] / 4_000 < 0.78
    assert all(sorted(preference(POLICY, f"itm_{n}")) == ["a", "b", "c"] for n in range(50))


def test_a_weight_that_grows_only_draws_items_to_itself() -> None:
    heavier = RoutingPolicy((Route("a", 3), Route("b", 2), Route("c", 0)))
    moved = Counter((preference(POLICY, f"itm_{n}")[0], preference(heavier, f"itm_{n}")[0]) for n in range(2_000))
    assert moved["b", "a"] == 0
    assert moved["a", "b"] > 0


def test_known_routes_stay_where_they_are() -> None:
    """Changing these means changing ROUTING_POLICY_VERSION: routes of running batches would move."""
    assert [preference(POLICY, f"itm_{n}")[0] for n in range(12)] == list(KNOWN_ROUTES)


KNOWN_ROUTES = "aaababbaabaa"


def test_failover_passes_over_the_tried_and_the_broken() -> None:
    first, second, _ = preference(POLICY, "itm_1")
    assert choose(POLICY, states(), job()) == Chosen(first)
    assert choose(POLICY, states(), job(), {first}) == Chosen(second)
    assert choose(POLICY, states(**{first: 9.0}), job()) == Chosen(second)
    assert choose(POLICY, states(), job(), {first, second}) == Chosen("c")
    assert choose(POLICY, states(), job(), {"a", "b", "c"}) == NoRoute("exhausted")
    assert choose(POLICY, states(a=9.0, b=4.0, c=7.0), job()) == Wait(4.0, "breaker_open")


def test_being_full_is_waited_for_and_is_no_reason_to_fail_over() -> None:
    policy = RoutingPolicy((Route("a", 1, in_flight_max=2, rate_per_s=1.0), Route("c", 0)))
    snapshot = {"a": ProviderState(ALL, in_flight=2), "c": ProviderState(ALL)}
    assert choose(policy, snapshot, job()) == Wait(limits.CAPACITY_WAITS_S[0], "capacity")
    snapshot["a"] = ProviderState(ALL, in_flight=1, rate_wait_s=0.4)
    assert choose(policy, snapshot, job()) == Wait(0.4, "rate_limited")
    snapshot["a"] = ProviderState(ALL, breaker_wait_s=3.0)
    assert choose(policy, snapshot, job()) == Chosen("c")


def test_a_job_goes_only_where_it_can_be_made() -> None:
    narrow = Capabilities(aspects=frozenset({"9:16"}), seconds=frozenset({4, 8}), images=False)
    snapshot = {"a": ProviderState(narrow), "b": ProviderState(narrow)}
    assert choose(POLICY, snapshot, job()).kind == "chosen"
    for other in ({"aspect": "1:1"}, {"seconds": 5}, {"image": b"x", "image_type": "image/png"}):
        assert choose(POLICY, snapshot, job(**other)) == NoRoute("unsupported")
        assert choose(POLICY, {**snapshot, "c": ProviderState(ALL)}, job(**other)) == Chosen("c")


@pytest.mark.parametrize(
    "routes",
    [
        (),
        (Route("a"), Route("a")),
        (Route("a", 0),),
        (Route("a", -1),),
        (Route("a", in_flight_max=0),),
        (Route("a", rate_per_s=0.0),),
        (Route("a", rate_per_s=float("inf")),),
        (Route("a", burst=0),),
    ],
)
def test_an_impossible_policy_is_refused(routes: tuple[Route, ...]) -> None:
    with pytest.raises(ValueError, match=r"\."):
        RoutingPolicy(routes)


@given(st.text(min_size=1, max_size=20), st.integers(0, 50), st.one_of(st.none(), st.floats(0, 1e6)))
def test_capacity_waits_follow_the_schedule_and_honour_the_upstream(item: str, waits: int, asked: float | None) -> None:
    wait = capacity_wait_s(item, waits, asked)
    base = limits.CAPACITY_WAITS_S[min(waits, 2)]
    assert wait >= min(asked or 0.0, limits.RETRY_AFTER_MAX_S)
    assert base * 0.8 <= wait <= max(base * 1.2, min(asked or 0.0, limits.RETRY_AFTER_MAX_S))
    assert wait == capacity_wait_s(item, waits, asked)


@given(st.text(min_size=1, max_size=20), st.integers(1, 200))
def test_broken_waits_are_jittered_and_bounded(item: str, attempts: int) -> None:
    assert 0 < broken_wait_s(item, attempts) < min(limits.BROKEN_WAIT_MAX_S, 2.0 * 2.0 ** (attempts - 1)) + 1e-9


def test_the_jitter_spreads() -> None:
    assert len({round(broken_wait_s(f"itm_{n}", 3), 2) for n in range(200)}) > 150


def test_the_breaker_opens_probes_and_closes() -> None:
    breaker = Breaker(failures_to_open=3, open_s=10, open_max_s=15, probe_timeout_s=60)
    for at in (0.0, 1.0):
        breaker.failed(at)
    breaker.succeeded()
    for at in (2.0, 3.0):
        breaker.failed(at)
        assert breaker.state(at) == "closed"
    breaker.failed(4.0)
    assert (breaker.state(4.0), breaker.wait_s(4.0), breaker.let_through(5.0)) == ("open", 10.0, False)
    breaker.failed(6.0)
    assert breaker.wait_s(6.0) == 8.0, "a late failure of an old attempt does not push the probe away"
    assert breaker.state(14.0) == "half_open"
    assert [breaker.let_through(14.0), breaker.let_through(14.1)] == [True, False], "one probe, not two"
    breaker.failed(15.0)
    assert breaker.wait_s(15.0) == 15.0, "doubled, but not above the most"
    assert breaker.let_through(30.0) is True
    assert breaker.let_through(90.1) is True, "a probe that never reported is given up"
    breaker.succeeded()
    assert (breaker.state(91.0), breaker.let_through(91.0), breaker.let_through(91.0)) == ("closed", True, True)
    breaker.failed(92.0)
    assert breaker.state(92.0) == "closed", "success forgets the failures before it"


@given(
    st.floats(0.01, 100),
    st.integers(1, 20),
    st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
def test_the_bucket_never_gives_more_than_rate_and_burst(rate: float, burst: int, steps: list[float]) -> None:
    bucket = TokenBucket(rate, burst)
    now = 100.0
    taken = 0
    for step in steps:
        now += step
        while bucket.take(now):
            taken += 1
    assert taken <= burst + (now - 100.0) * rate + 1e-3


def test_the_bucket_waits_exactly_as_long_as_it_says() -> None:
    bucket = TokenBucket(4.0, 2)
    assert [bucket.take(7.0), bucket.take(7.0), bucket.take(7.0)] == [True, True, False]
    wait = bucket.wait_s(7.0)
    assert wait == pytest.approx(0.25)
    assert bucket.take(7.0 + wait * 0.9) is False
    assert bucket.take(7.0 + wait) is True
    assert bucket.take(3.0) is False, "a clock that goes back gives nothing"
