"""What the templates show of a deal: where it is, whose turn it is, where the money is, what was put forward."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.files.links import signed_path
from pilothouse.kernel.ledger.periods import time_zone
from pilothouse.ui.units import amount_text

from . import arithmetic, words
from .acts import acts_of
from .commands import OTHER, missing_handover_evidence
from .models import ClaimLine, Deal, Dispute
from .queries import evidence_of, money_summary, timeline, waiting_signatures
from .steps import terms_of

SQL = Statements(__file__)
MINE = {
    "OFFERED": "counterparty", "AWAITING_FUNDS": "buyer", "FUNDED": "seller", "FILED": "buyer", "INSPECTION": "buyer",
    "HOLDBACK": "buyer", "OPEN": "seller",
}  # fmt: skip
STEPS = ("OFFERED", "AWAITING_FUNDS", "FUNDED", "INSPECTION", "HOLDBACK", "SETTLED")
ENDS = ("SETTLED", "REFUNDED", "CANCELLED", "EXPIRED")


def seen_of(deal: Deal) -> str:
    """A mark of all that a button on the page promises; a form that carries an older one is not carried out."""
    dispute = Dispute.objects.filter(deal=deal).first()
    parts = [
        deal.state, deal.price, deal.offer_hash, deal.handover_filed_at, deal.contested_at, deal.in_escrow,
        dispute.state if dispute else "", dispute.response if dispute else "",
        *[(each["kind"], each["side"], each["signed_at"]) for each in waiting_signatures(deal)],
    ]  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def head(row: Row | Deal) -> dict[str, Any]:
    """The state of a deal as its badge shows it."""
    state = row.state if isinstance(row, Deal) else row["state"]
    return {"state": state, "label": words.STATES[state], "tone": words.TONES.get(state, "held")}


def key_of(deal: Deal, dispute: Dispute | None) -> str:
    """Which of the sentences about turns fits."""
    if deal.state == "FUNDED" and deal.contested_at:
        return "CONTESTED"
    if deal.state == "FUNDED" and deal.handover_filed_at:
        return "FILED"
    if deal.state == "ISSUE" and dispute is not None:
        return dispute.state
    return deal.state


def turn(deal: Deal, side: str, dispute: Dispute | None) -> dict[str, Any]:
    """Whose turn it is, and what that one does now."""
    key = key_of(deal, dispute)
    who = MINE.get(key, "")
    who = OTHER[deal.creator_side] if who == "counterparty" else deal.creator_side if key == "DRAFT" else who
    if key in ENDS:
        title = str(words.STATES[key])
    elif not who:
        title = _("An operator's turn")
    elif who == side:
        title = _("Your turn")
    else:
        title = _("The buyer's turn") if who == "buyer" else _("The seller's turn")
    return {"mine": who == side, "title": title, "sentence": words.turn(key, who == side), "ended": key in ENDS}


def steps(deal: Deal) -> list[dict[str, Any]]:
    """The way of a deal with where it is now."""
    labels = {
        "OFFERED": _("Offer"), "AWAITING_FUNDS": _("Payment"), "FUNDED": _("Handover"), "INSPECTION": _("Inspection"),
        "HOLDBACK": _("Holdback"), "SETTLED": _("Settled"),
    }  # fmt: skip
    way = [each for each in STEPS if each != "HOLDBACK" or not terms_of(deal).pays_at_handover or deal.state == "ISSUE"]
    if deal.state == "ISSUE" and deal.stage == "INSPECTION":
        # A dispute from the inspection settles the deal: no holdback comes after it.
        way.remove("HOLDBACK")
    reached = {"DRAFT": "OFFERED", "ISSUE": deal.stage or "INSPECTION"}.get(deal.state, deal.state)
    if deal.state in ("REFUNDED", "CANCELLED", "EXPIRED"):
        reached = _last_reached(deal)
        labels["SETTLED"] = str(words.STATES[deal.state])
    if deal.state == "ISSUE":
        labels[reached] = _("Dispute")
    at = way.index(reached) if reached in way else len(way) - 1
    over = deal.state in ENDS
    return [
        {
            "label": labels[each],
            "status": "done" if place < at or deal.state == "SETTLED" else "now" if place == at and not over else
            "ended" if over and place == len(way) - 1 else "todo",
        }
        for place, each in enumerate(way)
    ]  # fmt: skip


def _last_reached(deal: Deal) -> str:
    stamps = (
        ("HOLDBACK", deal.approved_at), ("INSPECTION", deal.handover_at), ("FUNDED", deal.funded_at),
        ("AWAITING_FUNDS", deal.accepted_at), ("OFFERED", deal.offered_at),
    )  # fmt: skip
    return next((state for state, at in stamps if at), "OFFERED")


def running(deal: Deal, summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """The running timer, what it does, and the money that it moves."""
    timer, foreseen = summary["timer"], summary["forecast"]
    if timer is None or foreseen is None:
        return None
    seller, buyer = (amount_text(each, deal.unit) for each in (foreseen.to_seller, foreseen.to_buyer))
    rest = amount_text(deal.in_escrow - foreseen.to_seller - foreseen.to_buyer, deal.unit)
    paid = seller if foreseen.to_seller else ""
    moves = [(foreseen.to_seller, words.TO["seller"]), (foreseen.to_buyer, words.TO["buyer"])]
    both = foreseen.timer == "dispute_ttl"
    return {
        "due_at": timer["due_at"],
        "armed_at": timer["armed_at"],
        "consequence": words.consequence(
            foreseen.timer, foreseen.state, seller if both else paid, buyer, rest
        ),
        "moves": [{"value": value, "to": to} for value, to in moves if value],
        "because": words.because(foreseen.reason),
        "then_at": foreseen.then_at,
        "rest": rest,
    }  # fmt: skip


def money(deal: Deal, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Where each part of the price is, and what each side gets in each possible end."""
    return {
        **{name: summary[name] for name in ("price", "immediate", "holdback", "in_escrow", "to_seller", "to_buyer")},
        "unit": deal.unit,
        "funded": summary["funded"] > 0,
        "returned": summary["returned"],
        "endings": [
            {"label": words.ENDINGS[each.name], "to_seller": each.to_seller, "to_buyer": each.to_buyer}
            for each in summary["endings"]
        ],
    }


def questions(deal: Deal, timer: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What people ask most, answered with the values of this deal."""
    terms = terms_of(deal)
    values = {
        "first": amount_text(deal.immediate, deal.unit),
        "rest": amount_text(deal.holdback, deal.unit),
        "percent": terms.holdback_percent,
        "look": terms.hours("inspectionTtlDays"),
        "claims": terms.hours("disputeTtlHours"),
    }
    where = (
        _("It stands at the top of this page, with the instant when it ends and what happens then.")
        if timer
        else _("None runs: this deal has ended, and its money has been sent on.")
    )
    if terms.pays_at_handover:
        when = _("The seller gets %(first)s at the handover and %(rest)s when the inspection of %(look)s hours ends.")
    else:
        when = _(
            "The seller gets %(first)s when the buyer approves, at the latest %(look)s hours after the handover, and "
            "%(rest)s at most %(claims)s hours later. What a claim is granted goes to the buyer instead."
        )
    what = _(
        "%(rest)s, %(percent)s %% of the price, stay in escrow longer than the rest. Only a claim can reach them. "
        "When the time for claims ends without one, they go to the seller."
    )
    return [
        (_("Where is the timer?"), where),
        (_("When do I get my money?"), when % values),
        (_("What is holdback?"), what % values),
    ]


def claim_lines(deal: Deal, dispute: Dispute | None, shown: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines of the dispute with their caps and both sides' evidence."""
    if dispute is None:
        return []
    terms = terms_of(deal)
    return [
        {
            "position": line.position,
            "reason": words.named(words.CODES, line.code),
            "note": line.note,
            "claimed": line.claimed,
            "cap": arithmetic.cap(deal.price, terms.caps_bps[line.code], terms.currency.quantum),
            "counter": line.counter,
            "granted": line.granted,
            "required": [words.named(words.EVIDENCE, each) for each in terms.evidence(line.code)],
            "buyers": [each for each in shown if each["line"] == line.position and each["side"] == "buyer"],
            "sellers": [each for each in shown if each["line"] == line.position and each["side"] == "seller"],
        }
        for line in ClaimLine.objects.filter(dispute=dispute).order_by("position")
    ]


def evidence(deal: Deal) -> list[dict[str, Any]]:
    """Every file of a deal with links that live for a quarter of an hour."""
    return [
        {
            **row,
            "kind": words.named(words.EVIDENCE, row["type"]),
            "url": signed_path(deal.tenant_id, row["file"]),
            "thumbnail_url": signed_path(deal.tenant_id, row["thumbnail"]) if row["thumbnail"] else "",
        }
        for row in evidence_of(deal)
    ]


def people(deal: Deal) -> dict[str, dict[str, str]]:
    """Name and address of each side that is there."""
    found = {each.pk: each for each in get_user_model().objects.filter(pk__in=[deal.buyer_id, deal.seller_id])}
    made = {}
    for side in ("buyer", "seller"):
        person = found.get(deal.person(side) or 0)
        made[side] = {
            "label": str(words.SIDES[side]),
            "name": (person.get_full_name() or person.email) if person else "",
            "email": person.email if person else "",
        }
    return made


def events(deal: Deal, who: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """The history, the newest first, with the money that each event moved."""
    sides = {f"user:{each['email']}": each["label"] for each in who.values() if each["email"]}
    found = []
    for row in reversed(timeline(deal)):
        data = row["data"]
        actor = row["actor"]
        by = sides.get(actor) or (_("Operator") if actor.startswith("operator:") else _("By itself"))
        moved = int(data.get("to_seller") or 0) + int(data.get("to_buyer") or 0)
        moved = deal.first_price if row["type"] == "fund" else moved if row["subject_kind"] == "deal" else 0
        sentence = words.event(row["subject_kind"], row["type"], data)
        found.append({"at": row["at"], "actor": by, "type": row["type"], "sentence": sentence, "amount": moved or None})
    return found


def signatures(deal: Deal, side: str) -> list[dict[str, Any]]:
    """Proposals that wait, in words, with whose they are."""
    found = []
    for each in waiting_signatures(deal):
        content, lines = each["content"], ""
        if each["kind"] == "price":
            lines = amount_text(content["price"], deal.unit)
        elif each["kind"] == "settlement":
            lines = " + ".join(amount_text(amount, deal.unit) for amount in content["amounts"])
        found.append({**each, "words": words.agreement(each["kind"]), "lines": lines, "mine": each["side"] == side})
    return found


def uploads(deal: Deal, side: str, lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where this side can put files forward now: {purpose, line, title, kinds, help}."""
    photo, document = ("PHOTO", words.EVIDENCE["PHOTO"]), ("DOCUMENT", words.EVIDENCE["DOCUMENT"])
    kinds = [
        photo,
        document,
        *((key, word) for key, word in words.EVIDENCE.items() if key not in (photo[0], document[0])),
    ]
    if deal.state == "DRAFT" and side == deal.creator_side:
        least = terms_of(deal).body["itemPhotosMin"]
        text = _("At least %(least)s photos.") % {"least": least}
        return [{"purpose": "item", "line": "", "title": _("Photos"), "kinds": [photo], "help": text}]
    if deal.state == "FUNDED" and (side == "seller") == (deal.handover_filed_at is None):
        missing = [words.named(words.EVIDENCE, each) for each in missing_handover_evidence([deal])[deal.id]]
        text = _("Still missing: %(missing)s.") % {"missing": ", ".join(missing)} if missing else ""
        title = _("Evidence of the handover")
        return [
            {"purpose": "handover", "line": "", "title": title, "kinds": [photo, document, kinds[-1]], "help": text}
        ]
    if deal.state == "ISSUE":
        purpose = "claim" if side == "buyer" else "response"
        return [
            {
                "purpose": purpose,
                "line": line["position"],
                "title": _("Your evidence: %(reason)s") % {"reason": line["reason"]},
                "kinds": kinds,
                "help": _("The terms ask for: %(types)s.") % {"types": ", ".join(line["required"])},
            }
            for line in lines
        ]
    return []


def room(deal: Deal, side: str) -> dict[str, Any]:
    """Everything that the deal room shows to one side."""
    dispute = Dispute.objects.filter(deal=deal).first()
    summary = money_summary(deal)
    timer = running(deal, summary)
    shown, who, seen = evidence(deal), people(deal), seen_of(deal)
    lines = claim_lines(deal, dispute, shown)
    waiting = signatures(deal, side)
    terms = terms_of(deal)
    return {
        "deal": deal, "side": side, "other": OTHER[side], "head": head(deal), "seen": seen,
        "turn": turn(deal, side, dispute), "steps": steps(deal), "timer": timer, "now": clock.business_now(),
        "zone": time_zone(deal.tenant_id), "money": money(deal, summary), "questions": questions(deal, timer),
        "acts": acts_of(deal, side, seen, {each["kind"] for each in waiting if each["mine"]}),
        "signatures": waiting, "dispute": dispute, "lines": lines, "people": who, "events": events(deal, who),
        "item_files": [each for each in shown if each["purpose"] == "item"],
        "handover_files": [each for each in shown if each["purpose"] == "handover"],
        "uploads": uploads(deal, side, lines),
        "facts": [
            (words.named(words.FIELDS, key), words.fact(key, deal.item[key]))
            for key in terms.item_fields if key in deal.item
        ],
        "terms": terms, "percent": terms.holdback_percent,
        "caps": [
            (words.named(words.CODES, code), arithmetic.cap(deal.price, points, terms.currency.quantum))
            for code, points in terms.caps_bps.items()
        ],
    }  # fmt: skip
