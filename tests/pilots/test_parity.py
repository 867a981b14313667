"""“Is Demo the same as API?” is taken back by a kept proof that the customer accepts, and by nothing else."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Barrier
from typing import Any

import pytest
from django.db import Error, connections
from pilot_market import browser
from pilot_world import EXPECTED, Made, VideoPilot, complete, open_batch
from psycopg import DatabaseError

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.watch.errors import ParityNotKept
from pilothouse.kernel.watch.models import Incident, ParityProof
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.attestations import attest_customer
from pilothouse.pilots.parity import parity_of
from pilothouse.pilots.pilot_errors import NotProven, VerdictChanged
from pilothouse.pilots.pilot_models import Attestation
from pilothouse.pilots.verdicts import record_signal, sign_verdict
from pilothouse.programs.video.parity_proofs import keep_proof

pytestmark = pytest.mark.house
TWINS = 4
NAMES = map("run-{}".format, itertools.count())
LINE = "parity_accepted"
INSERT = (
    "INSERT INTO parity_proof (public_id, tenant, program, first, second, state, actor)"
    " VALUES (%s, %s, %s, %s, %s, %s, 'operator:x')"
)


@pytest.fixture(scope="module")
def kept() -> dict[str, "Asked"]:
    """What is built once for the module."""
    return {}


class Asked(VideoPilot):
    """A pilot in review of which everything holds but that its customer asked the question."""

    made: Made


@pytest.fixture
def pilot(kept: dict[str, Asked], shared_house: Any, copy_house: Callable[[Any], Any]) -> Iterator[Asked]:
    """A copy of its own for each test, so that each may break it."""
    if "pilot" not in kept:
        world = Asked(shared_house)
        world.active()
        world.open_key()
        world.made = world.proven()
        world.finish_all_lines()
        world.call()
        assert advance_all() == 1
        asks(world)
        kept["pilot"] = world
    with copy_house(shared_house) as fresh:
        mine = copy(kept["pilot"])
        mine.house = fresh
        yield mine


def asks(pilot: VideoPilot, words: str = "Is Demo the same as API?") -> None:
    with pilot.ours():
        record_signal(pilot.id, "parity_question", words, "Ada Lund")


def accept(pilot: Asked, proof: str = "") -> Attestation:
    with pilot.theirs():
        return attest_customer(pilot.id, LINE, "engineer", True, proof=proof)


def broken(pilot: Asked, name: str) -> ParityProof:
    """A proof of two batches of the same parameters, one with other bytes."""
    again = complete(open_batch(pilot.house, tenant=pilot.tenant, request_id=name, entry="page"))
    with worker_scope("test"):
        run("UPDATE item SET media_sha256 = repeat('e', 64) WHERE batch = %s AND position = 3", [again.batch])
    with pilot.ours():
        return keep_proof(pilot.made.public_id, again.public_id)


def test_without_a_proof_the_question_stands_and_nothing_can_be_accepted(pilot: Asked) -> None:
    assert (pilot.verdict().state, pilot.verdict().reasons) == ("failed", ("parity_question",))
    with pytest.raises(NotProven) as refused:
        accept(pilot)
    assert refused.value.code == "parity_not_proven"
    assert str(refused.value) == (
        "There is no proof to accept: none was kept since the pilot began. Nothing was noted."
    )
    pilot.says(LINE, "engineer", agrees=False)
    assert pilot.verdict().reasons == ("parity_question",)
    with pilot.ours(), pytest.raises(VerdictChanged):
        sign_verdict(pilot.id, "succeeded", "Continue")


def test_a_kept_proof_takes_it_back_once_the_customer_accepts_it(pilot: Asked) -> None:
    proof = pilot.proof(pilot.made)
    assert (proof.state, proof.media_equal, proof.media_compared) == ("pass", 8, 8)
    assert proof.first_fingerprint == proof.second_fingerprint
    assert pilot.verdict().reasons == ("parity_question",), "a proof that nobody accepted clears nothing"
    accept(pilot, proof.public_id)
    assert pilot.verdict().state == "succeeded"
    with pilot.ours():
        told = parity_of(pilot.row)
    assert told["accepted"] | {"at": ""} == {
        "proof": proof.public_id, "by": "engineer@northwind.example", "role": "engineer", "at": "",
    }  # fmt: skip
    assert [each["person"] for each in told["asked"]] == ["Ada Lund"]


def test_asked_again_it_has_to_be_accepted_again(pilot: Asked) -> None:
    proof = pilot.proof(pilot.made)
    first = accept(pilot, proof.public_id)
    assert accept(pilot, proof.public_id).id == first.id, "said twice it is said once"
    asks(pilot, "And now?")
    assert pilot.verdict().reasons == ("parity_question",)
    assert accept(pilot, proof.public_id).id != first.id
    assert pilot.verdict().state == "succeeded"
    pilot.says(LINE, "engineer", agrees=False)
    assert pilot.verdict().reasons == ("parity_question",)


def test_a_proof_that_differs_clears_nothing_and_is_a_p0(pilot: Asked) -> None:
    good = pilot.proof(pilot.made)
    accept(pilot, good.public_id)
    bad = broken(pilot, "other-bytes")
    assert (bad.state, bad.media_equal, bad.media_compared) == ("fail", 7, 8)
    assert pilot.verdict().reasons == ("parity_question",), "what was accepted is contradicted"
    for name in ("", good.public_id, bad.public_id):
        with pytest.raises(NotProven, match=f"{bad.public_id} says that the two differ"):
            accept(pilot, name)
    with worker_scope("test"):
        opened = Incident.objects.get(kind="demo_api_divergence")
    assert (opened.severity, opened.tenant_id, opened.subject) == ("P0", pilot.tenant.id, pilot.made.public_id)


def test_a_comparison_of_other_wishes_is_kept_and_clears_nothing(pilot: Asked) -> None:
    proof = pilot.proof(pilot.made, prompt="A jug")
    assert (proof.state, proof.media_compared) == ("inconclusive", 0)
    with pytest.raises(NotProven, match="is not one that passed"):
        accept(pilot)
    with worker_scope("test"):
        assert not Incident.objects.filter(kind="demo_api_divergence").exists()


def test_a_proof_of_an_earlier_attempt_or_another_account_is_none(pilot: Asked) -> None:
    other = VideoPilot(pilot.house, "Southgate").active()
    theirs = other.proof(other.batch("order-9"))
    with pytest.raises(NotProven):
        accept(pilot, theirs.public_id)
    mine = pilot.proof(pilot.made)
    with pytest.raises(NotProven, match=f"{theirs.public_id} is not one that passed"):
        accept(pilot, theirs.public_id)
    with pilot.theirs():
        assert [row.public_id for row in ParityProof.objects.all()] == [mine.public_id]
    with pilot.house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE pilot SET since = base.clock_now() WHERE public_id = %s", [pilot.id])
    with pytest.raises(NotProven, match="none was kept since"):
        accept(pilot, mine.public_id)


def test_what_cannot_be_compared_is_not_kept(pilot: Asked) -> None:
    made = pilot.made
    with pilot.ours(), pytest.raises(ParityNotKept, match="through the API"):
        keep_proof(made.public_id, made.public_id)
    running = open_batch(pilot.house, tenant=pilot.tenant, request_id="still", entry="page")
    with pilot.ours(), pytest.raises(ParityNotKept, match="still being made"):
        keep_proof(running.public_id, made.public_id)
    foreign = complete(open_batch(pilot.house, tenant=pilot.house.tenant("Else"), request_id="x", entry="page"))
    with pilot.ours(), pytest.raises(ParityNotKept, match="two accounts"):
        keep_proof(foreign.public_id, made.public_id)


def test_twins_keep_one_proof_and_one_acceptance(pilot: Asked) -> None:
    again = complete(open_batch(pilot.house, tenant=pilot.tenant, request_id="twins", entry="page"))
    start = Barrier(TWINS)

    def keep(n: int) -> tuple[str, int]:
        try:
            start.wait()
            pair = (pilot.made.public_id, again.public_id)
            with pilot.ours():
                found = keep_proof(*(pair if n % 2 else pair[::-1])).public_id
            return found, accept(pilot, found).id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(TWINS) as pool:
        assert len(set(pool.map(keep, range(TWINS)))) == 1
    with worker_scope("test"):
        (sealed,) = run("SELECT count(*) AS n FROM event WHERE type = 'parity_proof'")
    assert sealed["n"] == 1


@pytest.mark.tamper
def test_the_schema_refuses_what_code_forgot(pilot: Asked) -> None:
    page = complete(open_batch(pilot.house, tenant=pilot.tenant, request_id="page-2", entry="page"))
    api = complete(open_batch(pilot.house, tenant=pilot.tenant, request_id="api-2"))
    other = VideoPilot(pilot.house, "Southgate").active()
    theirs = other.proof(other.batch("order-9"))
    bad = broken(pilot, "forged")
    forged = {
        "a verdict that is better than the bytes": (bad.first, api.public_id, "video", pilot.tenant.id, "pass"),
        "a program without a check": (page.public_id, api.public_id, "deals", pilot.tenant.id, "pass"),
        "batches of another account": (page.public_id, api.public_id, "video", other.tenant.id, "pass"),
        "one way in": (pilot.made.public_id, api.public_id, "video", pilot.tenant.id, "pass"),
        "worse words than a divergence": (page.public_id, api.public_id, "video", pilot.tenant.id, "inconclusive"),
    }
    for first, second, program, tenant, state in forged.values():
        with pytest.raises(Error), pilot.ours():
            run(INSERT, [next(NAMES), tenant, program, first, second, state])
    own = INSERT.replace("state,", "state, first_fingerprint,").replace("%s, 'op", "%s, 'x', 'op")
    with pytest.raises(Error), pilot.ours():
        run(own, [next(NAMES), pilot.tenant.id, "video", page.public_id, api.public_id, "pass"])
    for words in ("UPDATE parity_proof SET state = 'pass'", "DELETE FROM parity_proof"):
        with pytest.raises(Error), pilot.ours():
            run(words)
        with pilot.house.admin() as admin, pytest.raises(DatabaseError):
            admin.execute(words)
    _attestations_refused(pilot, {"none": None, "one that differs": bad.id, "of another account": theirs.id})
    with pilot.ours():
        assert keep_proof(page.public_id, api.public_id).state == "pass"
    assert pilot.verdict().reasons == ("parity_question",)


def _attestations_refused(pilot: VideoPilot, proofs: dict[str, int | None]) -> None:
    """Acceptances by raw SQL in the customer's own scope."""
    words = (
        "INSERT INTO pilot_attestation"
        " (public_id, tenant, pilot_id, attempt, line, side, role, actor, at, agrees, proof_id)"
        " VALUES (%s, %s, %s, 1, %s, 'customer', 'engineer', 'user:engineer@northwind.example',"
        " base.clock_now() + %s::interval, true, %s)"
    )
    row = pilot.row
    for proof in proofs.values():
        with pytest.raises(Error), pilot.theirs():
            run(words, [next(NAMES), pilot.tenant.id, row.id, LINE, "0", proof])
    with pytest.raises(Error, match="accepts no proof"), pilot.theirs():
        run(words, [next(NAMES), pilot.tenant.id, row.id, EXPECTED[0], "0", proofs["one that differs"]])
    with pytest.raises(Error, match="ahead of time"), pilot.theirs():
        run(words, [next(NAMES), pilot.tenant.id, row.id, LINE, "1 hour", None])


def test_it_is_kept_on_the_desk_and_accepted_on_the_customers_page(pilot: Asked) -> None:
    desk, support = browser("operator@ours.example"), browser("support@ours.example")
    engineer, finance = browser("engineer@northwind.example"), browser("finance@northwind.example")
    here = f"/desk/pilots/{pilot.id}/"
    page = desk.get(here).content.decode()
    assert "asked by Ada Lund" in page
    assert f'href="/desk/parity/?account={pilot.tenant.public_id}"' in page
    assert "No proof is kept." in page
    assert "We owe you the proof" in engineer.get("/pilot/").content.decode()
    refused = engineer.post(f"/pilot/confirm/{LINE}", {"answer": "yes"}, follow=True).content.decode()
    assert "There is no proof to accept: none was kept since the pilot began." in refused
    again = complete(open_batch(pilot.house, tenant=pilot.tenant, request_id="again", entry="page"))
    pair = {"a": again.public_id, "b": pilot.made.public_id}
    compared = f"/desk/parity/?a={pair['a']}&b={pair['b']}"
    assert "Keep it as a proof for Northwind" in desk.get(compared).content.decode()
    assert "Keep it as a proof" not in support.get(compared).content.decode()
    assert support.post("/desk/parity/keep", pair).status_code == 403
    assert desk.post("/desk/parity/keep", {"a": pair["b"], "b": pair["b"]}, follow=True).content.decode().count(
        "cannot be kept"
    )  # fmt: skip
    assert desk.post("/desk/parity/keep", pair)["Location"] == compared
    with worker_scope("test"):
        proof = ParityProof.objects.get()
    assert f'data-kept="{proof.public_id}"' in desk.get(compared).content.decode()
    for reader in (desk.get(here), engineer.get("/pilot/"), finance.get("/pilot/")):
        told = reader.content.decode()
        assert f'data-proof="{proof.public_id}"' in told
        assert proof.first_fingerprint in told
        assert "8 of 8 videos that can be compared" in told
    assert "Accept this proof" not in finance.get("/pilot/").content.decode()
    assert "Accept this proof" in engineer.get("/pilot/").content.decode()
    engineer.post(f"/pilot/confirm/{LINE}", {"answer": "yes", "proof": proof.public_id, "pilot": pilot.id})
    for reader in (desk.get(here), engineer.get("/pilot/")):
        told = reader.content.decode()
        assert "Accepted by engineer@northwind.example (engineer)" in told
        assert "Accept this proof" not in told
    assert pilot.verdict().state == "succeeded"
