"""A refused step says the act and the state in words, in the reader's language; machines read the table's names."""

from __future__ import annotations

import pytest
from django.utils import translation

from pilothouse.kernel.lifecycle.errors import ReasonRefused, TransitionRefused
from pilothouse.kernel.lifecycle.table import REGISTRY
from pilothouse.site.programs import load_programs

load_programs()
pytestmark = pytest.mark.unit
MACHINES = {"check", "endpoint", "slo", "system", "timer", "worker"}
# The lifecycles whose pages and mails speak both languages.
TRANSLATED = ("api_key", "bank_account", "deal", "dispute", "file", "invitation", "payout", "refund", "send_request")


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_act_of_a_person_and_every_state_has_words(name: str) -> None:
    lifecycle = REGISTRY[name]
    asked = {move.event for move in lifecycle.transitions if move.source is not None and set(move.who) - MACHINES}
    assert asked - set(lifecycle.acts) == set()
    for event in lifecycle.acts:
        for state in lifecycle.states:
            told = str(lifecycle.refusal(event, state))
            assert "_" not in told, told
            assert f"“{state}”" not in told, told


@pytest.mark.parametrize("name", TRANSLATED)
def test_both_languages_name_the_act_and_the_state(name: str) -> None:
    lifecycle = REGISTRY[name]
    with translation.override("mn"):
        told = [str(lifecycle.refusal(event, state)) for event in lifecycle.acts for state in lifecycle.states]
    assert told
    assert [sentence for sentence in told if any("a" <= letter.lower() <= "z" for letter in sentence)] == []


def test_the_operator_of_a_decided_dispute_reads_words_and_a_machine_reads_names() -> None:
    with pytest.raises(TransitionRefused) as refused:
        REGISTRY["dispute"].judge("resolve", "RESOLVED", "admin", "terms_rule")
    assert str(refused.value) == "You cannot decide this dispute: its state is “Decided”."
    assert refused.value.details == {"event": "resolve", "kind": "dispute", "state": "RESOLVED"}
    with translation.override("mn"):
        told = str(REGISTRY["dispute"].refusal("resolve", "RESOLVED"))
    assert told == "Одоо энэ маргааныг шийдвэрлэх боломжгүй: төлөв нь «Шийдсэн»."


def test_a_reason_that_there_is_not_is_refused_for_the_act() -> None:
    with pytest.raises(ReasonRefused) as refused:
        REGISTRY["dispute"].judge("resolve", "OPEN", "admin", "mood")
    assert str(refused.value).startswith("'mood' is not a reason to decide this dispute. Choose one of: ")
    assert refused.value.details["event"] == "resolve"
