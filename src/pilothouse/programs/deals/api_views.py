"""Deals as the JSON API shows them to one of their sides."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model

from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.files.links import signed_path

from . import arithmetic, queries
from .models import ClaimLine, Deal, Dispute
from .steps import terms_of

_MONEY = ("immediate", "holdback", "funded", "returned", "in_escrow", "to_seller", "to_buyer")
# Who judged stays inside: the parties see that an operator did, with the reason.
_INTERNAL = ("decided_by",)


def deal_json(deal: Deal, side: str) -> dict[str, Any]:
    """The deal as this side sees it (`DealOut`)."""
    summary = queries.money_summary(deal)
    dispute = Dispute.objects.filter(deal=deal).first()
    running = summary["forecast"]
    return {
        "ok": True,
        "deal_id": deal.public_id,
        "state": deal.state,
        "side": side,
        "title": deal.title,
        "item": deal.item,
        "template": deal.template,
        "terms_version": deal.terms_version,
        "terms_hash": deal.terms_hash,
        "offer_hash": deal.offer_hash,
        "unit": deal.unit,
        "price": deal.price,
        "first_price": deal.first_price,
        "money": {name: summary[name] for name in _MONEY},
        "timer": dated(summary["timer"]) if summary["timer"] else None,
        "forecast": dated(asdict(running)) if running else None,
        "endings": [asdict(ending) for ending in summary["endings"]],
        "actions": queries.actions(deal, side),
        "signatures": [dated(each) for each in queries.waiting_signatures(deal)],
        "dispute": dispute_json(deal, dispute) if dispute else None,
        "evidence": [_evidence(deal.tenant_id, row) for row in queries.evidence_of(deal)],
        "created_at": iso(deal.created_at),
        "ended_at": iso(deal.ended_at) if deal.ended_at else None,
        "ended_by": deal.ended_by,
        "invitation": None,
    }


def row_json(row: Row) -> dict[str, Any]:
    """One row of a list (`DealRowOut`)."""
    names = (
        "state", "side", "title", "template", "terms_version", "unit", "price", "in_escrow", "timer", "due_at",
        "created_at", "ended_at", "ended_by",
    )  # fmt: skip
    return {"deal_id": row["public_id"], **dated({name: row[name] for name in names})}


def dispute_json(deal: Deal, dispute: Dispute) -> dict[str, Any]:
    """The claim on a deal (`DealDisputeOut`)."""
    terms = terms_of(deal)
    lines = [
        {
            "line": line.position,
            "code": line.code,
            "claimed": line.claimed,
            "cap": arithmetic.cap(deal.price, terms.caps_bps[line.code], terms.currency.quantum),
            "counter": line.counter,
            "outcome": line.outcome,
            "granted": line.granted,
            "note": line.note,
        }
        for line in ClaimLine.objects.filter(dispute=dispute).order_by("position")
    ]
    return {
        "dispute_id": dispute.public_id,
        "state": dispute.state,
        "raised_in": deal.stage,
        "opened_at": iso(dispute.opened_at),
        "due_at": iso(dispute.due_at),
        "response": dispute.response,
        "ended_by": dispute.ended_by,
        "granted": dispute.granted,
        "lines": lines,
    }


def timeline_json(deal: Deal) -> list[dict[str, Any]]:
    """The events of a deal, in order (`DealEventOut`); people are named by their side."""
    people = get_user_model().objects.in_bulk([each for each in (deal.buyer_id, deal.seller_id) if each])
    sides = {
        f"user:{people[person].email}": side
        for side, person in (("buyer", deal.buyer_id), ("seller", deal.seller_id))
        if person
    }
    return [
        {
            "at": iso(row["at"]),
            "actor": sides.get(row["actor"], row["actor"].partition(":")[0]),
            "about": row["subject_kind"],
            "type": row["type"],
            "data": {name: value for name, value in row["data"].items() if name not in _INTERNAL},
        }
        for row in queries.timeline(deal)
    ]


def dated(values: dict[str, Any]) -> dict[str, Any]:
    """The values with instants as ISO 8601."""
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in values.items()}


def outcomes_json(choices: Sequence[Sequence[tuple[str, int]]]) -> list[list[dict[str, Any]]]:
    """The menu of each line: each outcome with what it gives the buyer on its own."""
    return [[{"outcome": outcome, "to_buyer": amount} for outcome, amount in line] for line in choices]


def _evidence(tenant: int, row: Row) -> dict[str, Any]:
    return {
        "file_id": row["file"],
        "purpose": row["purpose"],
        "side": row["side"],
        "type": row["type"],
        "line": row["line"],
        "caption": row["caption"],
        "sha256": row["sha256"],
        "content_type": row["content_type"],
        "bytes": row["size_bytes"],
        "url": settings.SITE_URL + signed_path(tenant, row["file"]),
        "added_at": iso(row["added_at"]),
    }
