"""Moves deals: the one statement by which state, money, timers and timeline of a set of deals change together.

Commands and timers say what should happen as `Step`s; `advance` judges each by the transition table, refuses what the
table does not hold, and writes the set at once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements

from . import limits
from .lifecycle import DEAL
from .mail_queue import tell
from .models import Deal
from .terms import DealTerms, pinned

SQL = Statements(__file__)
TERMS_KEPT_COUNT = 256
# The length of each timer in the pinned terms.
TIMER_TTLS = {
    "offer": "offerTtlHours",
    "funding": "fundingTtlHours",
    "handover": "handoverTtlDays",
    "handover_confirm": "handoverConfirmTtlHours",
    "handover_review": "handoverReviewTtlHours",
    "auto_approve": "inspectionTtlDays",
    "holdback_release": "disputeTtlHours",
    "dispute_ttl": "disputeTtlHours",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One event of one deal, whose row the caller has locked.

    `funded` comes into escrow from `sources`, (account, amount) each; `to_seller` and `to_buyer` end the escrow's
    parts; `returned` goes back to the buyer because the price fell. `changes` are columns, `stamps` columns that get
    the present instant. `key` tells apart two postings of one kind in one deal.
    """

    deal: Deal
    event: str
    role: str
    reason: str = ""
    funded: int = 0
    sources: Sequence[tuple[int, int]] = ()
    to_seller: int = 0
    to_buyer: int = 0
    returned: int = 0
    changes: Mapping[str, Any] = field(default_factory=dict)
    stamps: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    # Of an offer: what the mail to the invited carries.
    secret: str = ""


@lru_cache(maxsize=TERMS_KEPT_COUNT)
def _kept(hash_: str) -> DealTerms:
    return pinned(hash_)


def terms_of(deal: Deal) -> DealTerms:
    """The terms to which a deal is pinned. They never change, so they are read once."""
    return _kept(deal.terms_hash)


def timer_seconds(deal: Deal, name: str) -> float:
    """How long a timer of this deal runs, by its pinned terms."""
    if name == "draft":
        return float(limits.DRAFT_TTL_DAYS * SECONDS_PER_DAY)
    return terms_of(deal).hours(TIMER_TTLS[name]) * 3_600.0


def advance(steps: Sequence[Step]) -> list[int]:
    """Move deals, in one statement; returns the ids that moved.

    A deal whose state changed since it was read is left alone: callers that hold its lock need not look. Raises
    TransitionRefused or ReasonRefused before anything is written.
    """
    rows = [_row(step) for step in steps]
    if not rows:
        return []
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    moved = [row["id"] for row in SQL.rows("advance", actor=current_scope().actor, **columns)]
    if moved:
        tell("deal", moved, steps[0].secret)
    return moved


def _row(step: Step) -> dict[str, Any]:
    deal = step.deal
    move = DEAL.judge(step.event, deal.state, step.role, step.reason)
    ends = move.to in DEAL.terminal
    changes = {**({"ended_by": step.reason or step.event} if ends else {}), **step.changes}
    return {
        "ids": deal.id,
        "olds": deal.state,
        "news": move.to,
        "events": step.event,
        "reasons": step.reason,
        "funded": step.funded,
        "sources": json.dumps(step.sources),
        "to_seller": step.to_seller,
        "to_buyer": step.to_buyer,
        "returned": step.returned,
        "changes": json.dumps(changes),
        "stamps": json.dumps([*step.stamps, *(["ended_at"] if ends else [])]),
        "data": json.dumps(dict(step.data)),
        "timers": move.timer,
        "seconds": timer_seconds(deal, move.timer) if move.timer else None,
        # A price correction leaves the running timer alone; every other move ends what was armed before it.
        "cancels": step.event != "correct_price",
        "keys": step.key or step.event,
    }
