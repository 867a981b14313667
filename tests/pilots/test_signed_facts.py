"""After the signature pages, letters and the API say what was signed; what happened since stands apart."""

import re
from typing import Any

import pytest
from django.db import Error
from pilot_market import browser
from pilot_world import VideoPilot
from psycopg.errors import CheckViolation

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.evaluation import look, look_now
from pilothouse.pilots.pilot_json import as_json
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.pilots.slots import criterion_line, values
from pilothouse.pilots.verdicts import sign_verdict

pytestmark = [pytest.mark.house, pytest.mark.usefixtures("shared_house")]
DESK, MINE = "/desk/pilots/{}/", "/pilot/"


@pytest.fixture(scope="module")
def signed(module_house: Any) -> VideoPilot:
    """A pilot that succeeded with one batch; after the signature another batch ended and Finance changed its mind."""
    pilot = VideoPilot(module_house).finished()
    assert advance_all() == 1
    assert "Since then" not in page(pilot, "operator@ours.example", DESK)
    with pilot.ours():
        sign_verdict(pilot.id, "succeeded", "Continue")
    for who, where in (("operator@ours.example", DESK), ("finance@northwind.example", MINE)):
        then = page(pilot, who, where)
        assert "As signed on" in then
        assert "Since then" not in then
    pilot.batch("order-2")
    pilot.says("finance_confirms", "finance", agrees=False)
    return pilot


def page(pilot: VideoPilot, who: str, where: str) -> str:
    """What a page says of how the pilot is judged, without its marks."""
    answer = browser(who).get(where.format(pilot.id))
    assert answer.status_code == 200
    (card,) = [each for each in answer.content.decode().split("</section>") if "It fails if" in each]
    return " ".join(re.sub(r"<[^>]*>", " ", card).split())


@pytest.mark.parametrize(("who", "where"), [("operator@ours.example", DESK), ("finance@northwind.example", MINE)])
def test_a_page_says_what_was_signed_and_what_came_since_apart(signed: VideoPilot, who: str, where: str) -> None:
    whole = page(signed, who, where)
    then, _, since = whole.partition("Since then")
    assert "As signed on" in then
    assert "Finance verifies reserved = settled + refunded 1" in then
    assert "The signed verdict stays." in since
    assert "Finance verifies reserved = settled + refunded 0" in since
    assert "Successfully run at least 1 batch 2" in since
    assert "Customer system receives batch.completed" not in since


def test_letters_and_the_api_say_what_was_signed(signed: VideoPilot) -> None:
    seen = {each.criterion.id: each for each in signed.look().criteria}
    assert (seen["finance_verified"].verdict, seen["batch_run"].measure.value) == ("pass", 1)
    with signed.ours():
        now = {each.criterion.id: each.verdict for each in look_now(access_pilot(signed.id)).criteria}
        assert now["finance_verified"] != "pass"
        assert values(access_pilot(signed.id), ["criterion_finance_verified", "criterion_batch_run"], {}) == {
            "criterion_finance_verified": criterion_line(seen["finance_verified"]),
            "criterion_batch_run": criterion_line(seen["batch_run"]),
        }
    with signed.theirs("finance"):
        told = {each["id"]: each for each in as_json(look(access_pilot(signed.id), "customer"))["criteria"]}
    assert (told["finance_verified"]["verdict"], told["batch_run"]["value"]) == ("pass", 1)


def test_what_was_signed_does_not_change(signed: VideoPilot) -> None:
    with pytest.raises(Error, match="was signed with does not change"), worker_scope("test"):
        run("UPDATE pilot SET findings = '{}' WHERE public_id = %s", [signed.id])
    with signed.ours(), pytest.raises(Error, match="was signed with does not change"):
        run("UPDATE pilot SET verdict = '', verdict_at = NULL, verdict_by = '', findings = '{}' WHERE public_id = %s",
            [signed.id])  # fmt: skip


def test_nothing_is_signed_without_what_it_was_computed_from(signed: VideoPilot) -> None:
    with signed.house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        with pytest.raises(CheckViolation, match="pilot_verdict_is_signed"):
            admin.execute("UPDATE pilot SET findings = '{}' WHERE public_id = %s", [signed.id])
