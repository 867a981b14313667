"""Deals as operators' programs read them, with both people, every timer and every event. Needs an operator's scope."""

from dataclasses import asdict
from typing import Any

from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.base.sql import Statements

from . import desk_reads, queries
from .api_views import dated, dispute_json
from .models import Dispute
from .terms import version_name

SQL = Statements(__file__, "sql/desk")
_MONEY = ("immediate", "holdback", "funded", "returned", "in_escrow", "to_seller", "to_buyer")


def deal_rows(*, state: str = "", search: str = "", count: int) -> list[dict[str, Any]]:
    """Deals of every marketplace, newest first, each with its armed timer. Amounts are minor units of `unit`."""
    names = (
        "state", "title", "unit", "price", "in_escrow", "to_seller", "to_buyer", "timer", "due_at", "created_at",
        "ended_at", "ended_by",
    )  # fmt: skip
    return [
        {
            "deal_id": row["public_id"],
            "terms": version_name(row["template"], row["terms_version"]),
            **dated({name: row[name] for name in names}),
        }
        for row in queries.deals(state=state or None, search=search or None, count=count)
    ]


def deal_view(public_id: str) -> dict[str, Any]:
    """One deal with its money, forecast, dispute, timers (ended ones too) and timeline; NotFound."""
    deal, facts = desk_reads.deal(public_id)
    summary = queries.money_summary(deal)
    dispute = Dispute.objects.filter(deal=deal).first()
    running = summary["forecast"]
    return {
        "deal_id": deal.public_id,
        "account": facts["tenant_name"],
        "account_id": facts["tenant_id"],
        "state": deal.state,
        "title": deal.title,
        "item": deal.item,
        "buyer": facts["buyer_email"],
        "seller": facts["seller_email"],
        "terms": version_name(deal.template, deal.terms_version),
        "terms_hash": deal.terms_hash,
        "unit": deal.unit,
        "price": deal.price,
        "first_price": deal.first_price,
        "money": {name: summary[name] for name in _MONEY},
        "forecast": dated(asdict(running)) if running else None,
        "dispute": dispute_json(deal, dispute) if dispute else None,
        "created_at": iso(deal.created_at),
        "ended_at": iso(deal.ended_at) if deal.ended_at else None,
        "ended_by": deal.ended_by,
        "timers": [dated(row) for row in SQL.rows("timers", deal=deal.id)],
        "timeline": [
            {"at": iso(row["at"]), "actor": row["actor"], "about": row["subject_kind"], "type": row["type"],
             "data": row["data"]}
            for row in queries.timeline(deal)
        ],
    }  # fmt: skip
