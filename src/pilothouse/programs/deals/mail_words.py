"""What the mails of a deal say: what happened, what it means for the money, what to do until when, and where.

The sentences are those of the deal room, so a mail and the page never differ. What happened is the event's; where the
deal stands and what comes next is read when the mail is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from pilothouse.kernel.base.sealing import unseal
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.outbox.notices import Mail
from pilothouse.ui.units import amount_text

from . import views, words
from .commands import OTHER
from .forecast import forecast
from .mail_queue import PURPOSE
from .models import ClaimLine, Deal, Dispute
from .steps import terms_of

SQL = Statements(__file__)
HOUR_S = 3_600
# Timers whose end somebody must prevent by deciding: the operators are reminded of them too.
OPERATORS_DECIDE = ("dispute_ttl", "handover_review")
# What became of somebody's payment or payout.
MONEY = {
    "payout_sent": gettext_noop("%(amount)s are on their way to your bank account"),
    "payout_confirmed": gettext_noop("%(amount)s have arrived in your bank account"),
    "payout_failed": gettext_noop("Your bank did not take %(amount)s"),
    "overpaid": gettext_noop("%(amount)s more than the price came in"),
    "underpaid": gettext_noop("%(amount)s came in, which is less than the price"),
    "late_payment": gettext_noop("%(amount)s came in while this deal waits for no payment"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """A deal as it stands when its mail is written; `timer` is what runs now, with what it does, or None."""

    deal: Deal
    dispute: Dispute | None
    timer: Row | None
    codes: Sequence[str]


def mails_of(rows: Sequence[Row]) -> list[Mail]:
    """The mails of a set of rows; everything that they need is read for the whole set at once."""
    ids = sorted({row["deal_id"] for row in rows})
    if not ids:
        return []
    known = _facts(ids)
    people: dict[int, list[Row]] = {}
    for person in SQL.rows("mail_people", deals=ids):
        people.setdefault(person["deal"], []).append(person)
    operators = SQL.rows("mail_operators") if any(row["about"] == "reminder" for row in rows) else []
    made = []
    for row in rows:
        facts = known[row["deal_id"]]
        everybody = people.get(row["deal_id"], [])
        made += [_mail(row, facts, person) for person in everybody if _hears(row, facts.deal, person)]
        if row["about"] == "reminder" and row["data"]["timer"] in OPERATORS_DECIDE:
            made += [_to_operator(row, facts, person, everybody) for person in operators]
    return made


def _facts(ids: list[int]) -> dict[int, Facts]:
    disputes = {each.deal_id: each for each in Dispute.objects.filter(deal_id__in=ids)}
    timers = {row["deal"]: row for row in SQL.rows("mail_timers", deals=ids)}
    codes: dict[int, list[str]] = {}
    for deal, code in (
        ClaimLine.objects.filter(dispute__deal_id__in=ids).order_by("position").values_list("dispute__deal_id", "code")
    ):
        codes.setdefault(deal, []).append(code)
    return {
        deal.id: Facts(deal, disputes.get(deal.id), timers.get(deal.id), codes.get(deal.id, ()))
        for deal in Deal.objects.filter(id__in=ids)
    }


def _hears(row: Row, deal: Deal, person: Row) -> bool:
    about, side = row["about"], person["side"]
    if row["side"]:
        return bool(row["side"] == side and not person["is_invited"])
    if about == "join":
        return bool(side == deal.creator_side)
    if about == "sign":
        return bool(side == OTHER[row["data"]["side"]])
    # Whoever is only invited hears of the offer, and that it is gone; nothing else is theirs to know.
    return not person["is_invited"] or about in ("offer", "expire_offer", "withdraw")


def _mail(row: Row, facts: Facts, person: Row) -> Mail:
    deal = facts.deal
    with translation.override(_language(person)), timezone.override(ZoneInfo(person["timezone"])):
        what = _invited(facts) if _is_invitation(row, person) else _happened(row, facts, person["side"])
        parts = [f"{what}.", *_body(row, facts, person), _foot(row, deal, person)]
        text = "\n\n".join(part for part in parts if part)
        subject = f"{deal.title}: {what}"
    return Mail(
        [person["email"]], subject, text, tenant=row["tenant"],
        dedupe_key=f"deal:{row['tenant']}:{row['key']}:{person['side']}", echoed=_echoed(deal, person),
    )  # fmt: skip


def _language(person: Row) -> str:
    code = person["language"]
    return code if code in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def _echoed(deal: Deal, person: Row) -> tuple[str, ...]:
    return (deal.title, person["email"], person["market"], deal.public_id)


def _is_invitation(row: Row, person: Row) -> bool:
    return bool(row["about"] == "offer" and person["is_invited"])


def _invited(facts: Facts) -> str:
    if facts.deal.creator_side == "seller":
        return _("You are invited to buy this")
    return _("You are invited to sell this")


def _happened(row: Row, facts: Facts, side: str) -> str:
    """What happened, in one sentence without its full stop."""
    data, unit = row["data"], facts.deal.unit
    if row["about"] == "reminder":
        hours = data["before_s"] // HOUR_S
        return ngettext("%(hours)s hour is left", "%(hours)s hours are left", hours) % {"hours": hours}
    if row["about"] == "respond":
        return words.event("dispute", "respond", data)
    if row["about"] == "sign":
        return _("The other side signed: %(what)s") % {"what": words.agreement(data["kind"])}
    if row["about"] in MONEY:
        return _(MONEY[row["about"]]) % {"amount": amount_text(int(data["amount"]), unit)}
    return words.event("deal", row["about"], data)


def _advice(about: str, facts: Facts) -> str:
    """What a payment or payout means, and what to do about it."""
    price = amount_text(facts.deal.price, facts.deal.unit)
    return {
        "payout_sent": _("It takes as long as your bank takes. You need not do anything."),
        "payout_confirmed": _("You need not do anything."),
        "payout_failed": _(
            "The money is safe and is sent again. Look whether the bank account that you named is right."
        ),
        "overpaid": _("The price is in escrow as agreed. What is too much goes back to its sender."),
        "underpaid": _(
            "The deal needs %(price)s. Send the rest with the same reference, or all of it goes back to its sender."
        )
        % {"price": price},
        "late_payment": _("It goes back to its sender. You need not do anything."),
    }[about]


def _body(row: Row, facts: Facts, person: Row) -> Iterator[str]:
    deal, side, about = facts.deal, person["side"], row["about"]
    if about in MONEY:
        yield _advice(about, facts)
        return
    if _is_invitation(row, person):
        yield _terms_in_short(deal)
        if row["sealed"] and _secrets(row)[1]:
            yield _(
                "Open the link, say your name and read the price, the facts, the photos and the terms. Opening binds "
                "you to nothing. The link is yours alone: whoever has it can join in your name."
            )
        else:
            yield _(
                "Open the link, sign in with this address and read the price, the facts, the photos and the terms. "
                "Opening binds you to nothing."
            )
    else:
        yield _why(row)
        yield _money(row, deal, side)
        if about in ("raise_issue", "respond") and facts.codes:
            terms = terms_of(deal)
            types = dict.fromkeys(each for code in facts.codes for each in terms.evidence(code))
            yield _("The terms ask for: %(types)s.") % {
                "types": ", ".join(words.named(words.EVIDENCE, each) for each in types)
            }
        turn = views.turn(deal, side, facts.dispute)
        yield turn["sentence"] if turn["ended"] else f"{turn['title']}. {turn['sentence']}"
    yield _until(facts, person)


def _terms_in_short(deal: Deal) -> str:
    return _(
        "Nothing is paid yet. Of %(price)s, %(first)s are released first and %(rest)s (%(percent)s %%) stay held back "
        "for claims."
    ) % {
        "price": amount_text(deal.price, deal.unit),
        "first": amount_text(deal.immediate, deal.unit),
        "rest": amount_text(deal.holdback, deal.unit),
        "percent": terms_of(deal).holdback_percent,
    }  # fmt: skip


def _why(row: Row) -> str:
    """Why a deal moved by itself, or how its dispute ended."""
    reason = str(row["data"].get("reason", ""))
    if row["about"] == "settle_issue":
        ended = {"OFFSET_AS_AGREED": "agree", "OFFSET_AS_CLAIMED": "accept_claim", "withdrawn": "withdraw"}
        type_ = "expire" if reason == "DISPUTE_TTL_EXPIRED" else ended.get(reason, "resolve")
        return words.event("dispute", type_, {}) + "."
    because = words.because(reason)
    return because[:1].upper() + because[1:] + "." if because else ""


def _money(row: Row, deal: Deal, side: str) -> str:
    """Where the money of this step went, said to one side; what is in escrow when nothing moved."""
    data = row["data"]
    moved = [
        (_to(each, side) % {"amount": amount_text(amount, deal.unit)})
        for each in ("seller", "buyer")
        if (amount := int(data.get(f"to_{each}") or 0)) and row["about"] != "reminder"
    ]
    if moved:
        return " ".join(moved)
    if deal.in_escrow:
        return _("%(amount)s are in escrow.") % {"amount": amount_text(deal.in_escrow, deal.unit)}
    if deal.funded:
        return _("All of the money has left escrow.")
    return _("Nothing is paid yet.") if deal.state not in views.ENDS else _("Nothing was paid, so nothing moves.")


def _to(receiver: str, side: str) -> str:
    if receiver == side:
        return _("%(amount)s go to you.")
    return _("%(amount)s go to the seller.") if receiver == "seller" else _("%(amount)s go to the buyer.")


def _until(facts: Facts, person: Row) -> str:
    """When the running timer ends and what it does then."""
    if facts.timer is None:
        return ""
    deal, timer = facts.deal, facts.timer
    foreseen = forecast(deal, timer["name"], timer["due_at"], facts.dispute)
    running = views.running(deal, {"timer": timer, "forecast": foreseen})
    assert running is not None
    due = formats.date_format(timezone.localtime(timer["due_at"]), "SHORT_DATETIME_FORMAT")
    until = _("The time ends on %(due)s (%(zone)s).") % {"due": due, "zone": person["timezone"]}
    return f"{until} {running['consequence']}"


def _secrets(row: Row) -> tuple[str, str]:
    """Of an invitation: the offer's, and that of joining the market, empty for who is a member."""
    secret, _, joining = unseal(PURPOSE, row["sealed"]).decode().partition(" ")
    return secret, joining


def _foot(row: Row, deal: Deal, person: Row) -> str:
    if _is_invitation(row, person) and row["sealed"]:
        secret, joining = _secrets(row)
        path = reverse("deals:join", args=[secret])
        if joining:
            path = f"{reverse('access_invitation', args=[joining])}?{urlencode({'next': path}, safe='/')}"
    elif row["about"] == "payout_failed":
        path = reverse("deals:bank")
    else:
        path = reverse("deals:deal", args=[deal.public_id])
    return f"{settings.SITE_URL}{path}\n\n{person['market']} · {settings.PRODUCT_NAME}"


def _to_operator(row: Row, facts: Facts, person: Mapping[str, Any], parties: Sequence[Row]) -> Mail:
    deal = facts.deal
    zone = parties[0]["timezone"] if parties else "UTC"
    contested = row["data"]["timer"] == "handover_review"
    with translation.override(_language(dict(person))), timezone.override(ZoneInfo(zone)):
        what = _happened(row, facts, "")
        subject = _("%(what)s to decide %(deal)s") % {"what": what, "deal": deal.public_id}
        path = (
            reverse("deals:desk_handover", args=[deal.public_id])
            if contested or facts.dispute is None
            else reverse("deals:desk_dispute", args=[facts.dispute.public_id])
        )
        sentence = _("Nobody has decided the handover.") if contested else _("Nobody has decided the dispute.")
        text = "\n\n".join((f"{what}. {sentence}", _until(facts, {"timezone": zone}), f"{settings.SITE_URL}{path}"))
    key = f"deal:{row['tenant']}:{row['key']}:operator:{person['email']}"
    return Mail([person["email"]], subject, text, dedupe_key=key)
