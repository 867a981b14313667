"""Runbooks as terms: what stands in them, and each mistake that keeps one from being published."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.terms.errors import TermsInvalid
from pilothouse.kernel.terms.queries import published
from pilothouse.pilots import text_lint
from pilothouse.pilots.publishing import check, publish_first_runbooks, publish_runbook
from pilothouse.pilots.registry import line_check, measure_check, runbook_files
from pilothouse.pilots.runbook import KIND, Runbook, compare, of_version, read_file
from pilothouse.pilots.runbook_errors import ForbiddenPromise, ForbiddenQuestion
from pilothouse.site.programs import load_programs

pytestmark = pytest.mark.house
Body = dict[str, Any]


@pytest.fixture(autouse=True)
def _programs() -> None:
    load_programs()


def body(program: str) -> Body:
    return next(read_file(path) for name, path in runbook_files() if name == program)


def test_the_first_runbooks_are_published_once_and_pinned_by_hash(shared_house: Any) -> None:
    with worker_scope("test"):
        publish_first_runbooks()
        first = {name: published(KIND, name) for name in ("video", "deals")}
        publish_first_runbooks()
        assert {name: published(KIND, name) for name in ("video", "deals")} == first
    assert of_version(first["video"]).criteria[0].target == ">= 1"
    assert len(of_version(first["deals"]).daily) == 9


def test_a_version_has_the_next_number(shared_house: Any) -> None:
    with worker_scope("test"):
        publish_first_runbooks()
        with pytest.raises(TermsInvalid):
            publish_runbook({**body("video"), "version": 7})
        second = publish_runbook({**body("video"), "version": 2, "objective": "The same, told again."}, "Reworded")
        assert second.version == 2
        with pytest.raises(TermsInvalid):
            publish_runbook(body("video"))


def _line(number: int, **changes: Any) -> Callable[[Body], None]:
    def change(given: Body) -> None:
        given["lines"][number].update(changes)

    return change


def _named(part: str, id_: str, **changes: Any) -> Callable[[Body], None]:
    def change(given: Body) -> None:
        next(each for each in given[part] if each["id"] == id_).update(changes)

    return change


def _without(part: str, id_: str, key: str) -> Callable[[Body], None]:
    def change(given: Body) -> None:
        del next(each for each in given[part] if each["id"] == id_)[key]

    return change


MISTAKES: dict[str, tuple[str, Callable[[Body], None]]] = {
    "an unknown check": ("runbook_unknown_check", _named("lines", "first_call", check="weather")),
    "an unknown measure": ("runbook_unknown_check", _named("criteria", "batch_run", measure="weather")),
    "an unknown metric": ("runbook_unknown_check", _named("metrics", "webhook_receipt_rate", measure="weather")),
    "an unknown condition": ("runbook_unknown_check", _named("failures", "parity_question", check="weather")),
    "a machine line without a check": ("runbook_missing_check", _without("lines", "first_call", "check")),
    "a condition without anything": ("runbook_missing_check", _without("failures", "no_batch", "criterion")),
    "a criterion without fail_at": ("runbook_missing_fail_at", _without("criteria", "batch_run", "fail_at")),
    "a circle": ("runbook_cycle", _named("lines", "batch_completed", needs=["fields_confirmed"])),
    "a need of nothing": ("runbook_malformed", _named("lines", "batch_completed", needs=["nothing"])),
    "a promised success rate": (
        "forbidden_promise", _named("texts", "success", body="We reach a success rate like no other."),
    ),
    "a promised SLA": ("forbidden_promise", _named("texts", "success", body="Your SLA starts today.")),
    "a guarantee of quality": ("forbidden_promise", _named("lines", "first_batch", text="We guarantee the quality.")),
    "a question of taste": ("forbidden_question", _named("texts", "success", body="Did you like it?")),
    "a question of taste in the review": (
        "forbidden_question", lambda given: given["questions"].append({"text": "Would you recommend us?"}),
    ),
    "a slot that nothing fills": ("unknown_slot", _named("texts", "success", body="Hi {nickname}")),
    "broken letters": ("broken_text", _named("lines", "use_case", text="Clear â\u20ac\u201d use case")),
    "the name of an upstream": ("broken_text", _named("lines", "first_batch", text="First batch at OpenAI")),
    "a person who checks": ("runbook_malformed", _named("lines", "review_held", check="first_call")),
    "a customer's line for nobody": ("runbook_malformed", _named("lines", "finance_confirms", roles=[])),
    "a rejection without a code": ("runbook_malformed", _named("lines", "expects_sla", code="whatever")),
    "no deadline": ("runbook_malformed", lambda given: given.pop("deadline_hours")),
    "two lines of one id": ("runbook_malformed", _line(0, id="use_case")),
    "a program that is not there": ("runbook_malformed", lambda given: given.update(program="parcels")),
    "a target of words": ("runbook_malformed", _named("criteria", "batch_run", target="many")),
}  # fmt: skip


@pytest.mark.unit
@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_refused_by_its_code(mistake: str) -> None:
    code, change = MISTAKES[mistake]
    given = copy.deepcopy(body("video"))
    check(given)
    change(given)
    with pytest.raises(TermsInvalid) as refused:
        check(given)
    assert refused.value.code == code


WRONG: tuple[Any, ...] = (
    None, 5, -1, "x", "", "{nothing}", "a\x00b", [], {}, ["a"], {"a": 1}, True, float("inf"), date(2026, 1, 1),
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value, of a list's values only the first one's."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, each in inside:
        yield from _places(each, (*path, key))


@pytest.mark.unit
@pytest.mark.parametrize("program", ["deals", "video"])
def test_a_value_of_another_type_anywhere_is_refused_or_harmless(program: str) -> None:
    given = copy.deepcopy(body(program))
    for path in list(_places(given)):
        place = given
        for key in path[:-1]:
            place = place[key]
        kept = place[path[-1]]
        for wrong in WRONG:
            place[path[-1]] = wrong
            try:
                check(given)
            except TermsInvalid:
                continue
            # What is let through is kept by the database as it stands.
            assert "\\u0000" not in json.dumps(given, allow_nan=False), path
            assert path != ("version",) or isinstance(wrong, int), path
        place[path[-1]] = kept
    check(given)


# What the runbooks have to hold, line by line; the others of a range concern pages, reports and the run itself.
VIDEO = {*range(1, 13), *range(14, 17), *range(18, 19), *range(20, 38), *range(39, 52), 53, *range(54, 69)}
DEALS = {
    *range(1, 9),
    11,
    13,
    16,
    *range(20, 23),
    24,
    27,
    28,
    29,
    *range(30, 35),
    *range(36, 49),
    *range(50, 56),
    58,
    59,
    60,
}
ELSEWHERE_VIDEO = {9, 19, 34, 38, 54, 55, 56, 57, 58}


def _told(text: str, prefix: str) -> set[int]:
    found = {int(number) for number in re.findall(rf"{prefix}-0(\d\d)", text)}
    for first, last in re.findall(rf"{prefix}-0(\d\d) to {prefix}-0(\d\d)", text):
        found |= set(range(int(first), int(last) + 1))
    return found


@pytest.mark.unit
def test_every_line_of_the_sources_stands_in_a_runbook() -> None:
    texts = {name: path.read_text(encoding="utf-8") for name, path in runbook_files()}
    assert sorted(VIDEO - ELSEWHERE_VIDEO - _told(texts["video"], "ENP")) == []
    assert sorted(DEALS - _told(texts["deals"], "ESC")) == []


@pytest.mark.unit
def test_the_boundary_and_the_answer_are_verbatim() -> None:
    given = body("video")
    assert given["boundary"].strip() == (
        "This pilot runs on a best-effort basis with prepaid credits.\n"
        "Failed items are automatically refunded.\nNo SLA is included at this stage."
    )
    answer = Runbook(given).texts["backend_answer"].body
    assert " ".join(answer.split()) == (
        "We orchestrate multiple video generation providers internally. What we guarantee is deterministic execution, "
        "billing, and refunds — independent of any single model provider."
    )


@pytest.mark.unit
@pytest.mark.parametrize("program", ["video", "deals"])
def test_every_name_in_a_runbook_is_registered(program: str) -> None:
    runbook = Runbook(body(program))
    for line in (*runbook.lines.values(), *runbook.daily.values()):
        assert (line_check(program, line.check) is not None) == (line.kind == "machine"), line.id
    assert all(measure_check(program, each.measure) for each in runbook.criteria)


@pytest.mark.unit
def test_the_lint_knows_a_promise_from_a_refusal_of_one() -> None:
    for allowed in ("No SLA is included.", "We guarantee billing and refunds.", "We do not promise quality."):
        text_lint.check_customer_text("x", allowed)
    for promise in ("99.9 % uptime", "We guarantee results.", "It brings traffic.", "A long-term contract follows."):
        with pytest.raises(ForbiddenPromise):
            text_lint.check_customer_text("x", promise)
    with pytest.raises(ForbiddenQuestion):
        text_lint.check_question("x", "Was the quality good?")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("rule", "value", "holds"),
    [(">= 1", 1, True), ("> 0.9", 0.9, False), ("< 7", 6.99, True), ("= 1", 1.0, True), ("<= 2", 3, False)],
)
def test_a_rule_compares(rule: str, value: float, holds: bool) -> None:
    assert compare(rule, value) is holds


@pytest.mark.unit
def test_a_runbook_file_is_clean_utf8() -> None:
    for _, path in runbook_files():
        assert Path(path).read_bytes().decode("utf-8").isprintable() is False
        text_lint.check_letters(path.name, path.read_text(encoding="utf-8"))
