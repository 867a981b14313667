"""What a text may not say: promises beyond the four, questions about taste, names of upstreams, broken letters.

A sentence may speak of a guarantee where it is about execution, billing or refunds, or where it says no.
"""

import re
from collections.abc import Collection, Iterator

from pilothouse.kernel.watch.deny_list import words_in

from .runbook_errors import BrokenText, ForbiddenPromise, ForbiddenQuestion, UnknownSlot

# A sentence ends at its stop, at an empty line, and before the next point of a list.
SENTENCE_END = re.compile(r"(?<=[.?!…])\s+|\n\s*\n|\n(?=\s*(?:[-*•]|\d+\.)\s)")
SAYS_NO = re.compile(r"\b(?:no|not|never|without|cannot)\b|n[’']t\b", re.IGNORECASE)
KEPT = re.compile(r"\b(?:execution|billing|refund(?:s|ed)?|invariants?)\b", re.IGNORECASE)
# Promised at all, in whatever words.
NEVER = re.compile(
    r"\bsuccess rate\b|\bSEO\b|\btraffic\b|\brankings?\b|\blong[- ]term\b"
    r"|\d\s?%\s+(?:\w+\s+){0,2}(?:uptime|availability|success|quality|of (?:videos|items))"
    r"|\balways (?:work|succeed|finish)",
    re.IGNORECASE,
)
UNLESS_NO = re.compile(r"\bSLA\b|\bservice level\b|\buptime\b", re.IGNORECASE)
UNLESS_OURS = re.compile(r"\b(?:guarantee[sd]?|promise[sd]?|ensure[sd]?|commit(?:s|ted|ment)?)\b", re.IGNORECASE)
TASTE = re.compile(
    r"\bdid you (?:like|enjoy|love)\b|\bquality (?:good|okay|fine|high)\b|\brecommend us\b|\bhow satisfied\b",
    re.IGNORECASE,
)
# What UTF-8 looks like when it was read as Windows-1252.
MOJIBAKE = re.compile("\u00e2\u20ac|\u00c3.|\u00f0\u0178|\u00c2[^ -~]|\ufffd")
SLOT = re.compile(r"\{(\w+)\}")
SLOTS = frozenset({
    "batch_id", "batches", "boundary", "changes", "company", "confusion", "credits_used", "date", "day",
    "deals_created", "deals_settled", "disputes_opened", "docs_url", "example_url", "expand", "friction",
    "from_date", "impact", "issues", "items", "key_link", "name", "notes", "parameters", "pilot_url", "product",
    "rationale", "reason", "recommendation", "requests", "sender", "status", "succeeded", "success_rate",
    "support_escalation", "support_technical", "support_user", "template_concerns", "timeline", "to_date",
    "ui_improvements", "ux_issues", "verdict", "webhook_url",
})  # fmt: skip


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each on one line."""
    for part in SENTENCE_END.split(text):
        sentence = " ".join(part.split())
        if sentence:
            yield sentence


def check_customer_text(where: str, text: str) -> None:
    """Raise what a text for customers may not say: ForbiddenPromise, ForbiddenQuestion or BrokenText."""
    check_letters(where, text)
    if leaked := words_in(text):
        raise BrokenText(where=where, reason=f"it names an upstream ({', '.join(sorted(leaked))}).")
    for sentence in sentences(text):
        if (
            NEVER.search(sentence)
            or (UNLESS_NO.search(sentence) and not SAYS_NO.search(sentence))
            or (UNLESS_OURS.search(sentence) and not (KEPT.search(sentence) or SAYS_NO.search(sentence)))
        ):
            raise ForbiddenPromise(where=where, sentence=sentence)
    check_question(where, text)


def check_question(where: str, text: str) -> None:
    """Raise ForbiddenQuestion for a question about taste, which a review never asks (requirement ENP-034)."""
    for sentence in sentences(text):
        if TASTE.search(sentence):
            raise ForbiddenQuestion(where=where, sentence=sentence)


def check_letters(where: str, text: str) -> None:
    """Raise BrokenText for letters that were decoded wrongly, and for NUL."""
    if MOJIBAKE.search(text) or "\x00" in text:
        raise BrokenText(where=where, reason="its letters are broken (it was decoded with the wrong encoding).")


def check_slots(where: str, text: str, also: Collection[str] = ()) -> None:
    """Raise UnknownSlot for a slot that nothing fills; `also` are those that the runbook itself gives."""
    for slot in SLOT.findall(text):
        if slot not in SLOTS and slot not in also:
            raise UnknownSlot(where=where, slot=f"{{{slot}}}")
