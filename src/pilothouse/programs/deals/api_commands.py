"""The commands on a deal that the JSON API takes: what each asks for, and the verb that it calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import only, text_field, whole_number

from . import agreements, commands, disputes, evidence, limits
from .api_schemas import FILE, HASH, field, obj
from .disputes import Claim
from .evidence import ACCEPTED
from .lifecycle import HANDOVER_REASONS
from .models import AGREEMENTS, PURPOSES

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Party:
    """Who acts: the row id of the person and their address."""

    person: int
    email: str


@dataclass(frozen=True, slots=True)
class Command:
    """One operation `POST /v1/deals/{deal_id}/PATH`.

    `read` checks a body and returns what the verb needs; `run` calls it and may return values to show once.
    """

    name: str
    path: str
    summary: str
    about: str
    body: Body
    run: Callable[[str, Party, Body], Body | None]


def _text(given: Body, name: str, maximum: int = limits.NOTE_MAX_CHARACTERS) -> str:
    return text_field(given, name, maximum=maximum, required=True) or ""


def _whole(given: Mapping[str, Any], name: str) -> int:
    number = whole_number(given.get(name))
    if number is None:
        raise InvalidInput(reason=f"{name} must be a whole number of minor units.")
    return number


def read_draft(given: Body) -> Body:
    """Price, title and item of a draft."""
    item = given.get("item", {})
    if not isinstance(item, dict):
        raise InvalidInput(reason="item must be an object of the fields of the terms.")
    item = {name: n if isinstance(v, float) and (n := whole_number(v)) is not None else v for name, v in item.items()}
    return {"price": _whole(given, "price"), "title": _text(given, "title", limits.FIELD_MAX_CHARACTERS), "item": item}


def _offer(deal: str, who: Party, given: Body) -> Body:
    email = text_field(given, "email", maximum=limits.FIELD_MAX_CHARACTERS) or ""
    return {"invitation": commands.offer(deal, who.person, own_email=who.email, email=email).secret}


def _accept(deal: str, who: Party, given: Body) -> None:
    commands.accept(deal, who.person, seen_hash=_text(given, "offer_hash", limits.FIELD_MAX_CHARACTERS))


def _contest(deal: str, who: Party, given: Body) -> None:
    reason, note = _text(given, "reason"), _text(given, "note")
    commands.contest_handover(deal, who.person, reason=reason, note=note)


def _issue(deal: str, who: Party, given: Body) -> None:
    lines = given.get("lines")
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise InvalidInput(reason="lines must be a list of claim lines.")
    claims = []
    for line in lines:
        only(line, "code", "amount", "note", "evidence")
        shown = line.get("evidence", [])
        if not isinstance(shown, list) or not all(isinstance(each, dict) for each in shown):
            raise InvalidInput(reason="evidence must be a list of {type, file_id}.")
        files = []
        for each in shown:
            only(each, "type", "file_id")
            files.append((_text(each, "type"), _text(each, "file_id")))
        claims.append(Claim(_text(line, "code"), _whole(line, "amount"), _text(line, "note"), files))
    disputes.raise_issue(deal, who.person, claims)


def _respond(deal: str, who: Party, given: Body) -> None:
    counters = given.get("counters", [])
    if not isinstance(counters, list):
        raise InvalidInput(reason="counters must be a list of amounts, one for each line.")
    amounts = [_whole({"counters": each}, "counters") for each in counters]
    response, note = _text(given, "response"), _text(given, "note")
    disputes.respond(deal, who.person, response=response, note=note, counters=amounts)


def _sign(deal: str, who: Party, given: Body) -> Body:
    content = given.get("content", {})
    if not isinstance(content, dict):
        raise InvalidInput(reason="content must be an object.")
    return {"done": agreements.sign(deal, who.person, _text(given, "kind"), content)}


def _unsign(deal: str, who: Party, given: Body) -> Body:
    return {"done": agreements.unsign(deal, who.person, _text(given, "kind"))}


def _evidence(deal: str, who: Party, given: Body) -> None:
    line = _whole(given, "line") if given.get("line") is not None else None
    if line is not None and not 0 < line <= limits.CLAIM_LINES_MAX_COUNT:
        raise InvalidInput(reason=f"line is the number of a claim line, from 1 to {limits.CLAIM_LINES_MAX_COUNT}.")
    caption = text_field(given, "caption", maximum=limits.FIELD_MAX_CHARACTERS) or ""
    purpose, kind, file = (_text(given, name) for name in ("purpose", "type", "file_id"))
    if purpose not in PURPOSES:
        raise InvalidInput(reason=f"purpose is one of {', '.join(PURPOSES)}.")
    evidence.add(deal, who.person, purpose=purpose, kind=kind, file=file, line=line, caption=caption)


def _edit(deal: str, who: Party, given: Body) -> None:
    commands.edit_draft(deal, who.person, **read_draft(given))


def _plain(verb: Callable[[str, int], Any]) -> Callable[[str, Party, Body], None]:
    def run(deal: str, who: Party, given: Body) -> None:
        verb(deal, who.person)

    return run


_TYPE = field("string", "What it stands for.", "PHOTO", enum=sorted(ACCEPTED))
_FILE_ID = field("string", "A file that was uploaded for this deal.", FILE)
_NOTE = field("string", "In your words.", "The left door is dented, no photo showed it.", minLength=1)
_PRICE = field("integer", "Minor units; a whole multiple of the currency's quantum.", 3000000000, minimum=1)
_TITLE = field("string", "What is sold, in one line.", "Toyota Prius 30, 2012", minLength=1)
_ITEM = field("object", "What is said of it, by the fields of the terms; all of them at the offer.", {"make": "Toyota"})
DRAFT = {"price": _PRICE, "title": _TITLE, "item": _ITEM}
_LINE = obj(
    ["code", "amount", "note"],
    code=field("string", "A reason code of the terms.", "COSMETIC_DAMAGE"),
    amount=field("integer", "What you ask for, in minor units.", 60000000, minimum=1),
    note=_NOTE,
    evidence={
        "type": "array",
        "description": "Uploaded files that show it; at least one over all lines.",
        "example": [{"type": "PHOTO", "file_id": FILE}],
        "items": obj(["type", "file_id"], type=_TYPE, file_id=_FILE_ID),
    },
)
_KIND = field("string", "What is signed.", "price", enum=list(AGREEMENTS))
COMMANDS = (
    Command("edit", "edit", "Change a draft", "Only a draft, by the side that made it.",
            obj(["price", "title"], **DRAFT), _edit),
    Command("offer", "offer", "Offer the deal",
            "The answer holds `invitation`, the secret of the one-time link for the other side, shown once.",
            obj([], email=field("string", "Only the person with this address may join.", "saraa@example.mn")), _offer),
    Command("accept", "accept", "Accept an offer", "Accept exactly what was read: its hash must be the offer's.",
            obj(["offer_hash"], offer_hash=field("string", "The offer's hash, as the deal shows it.", HASH)), _accept),
    Command("withdraw", "withdraw", "Leave a deal", "While nothing is paid.", obj([]), _plain(commands.withdraw)),
    Command("file_handover", "handover", "File the handover", "The seller, with the evidence that the terms ask for.",
            obj([]), _plain(commands.file_handover)),
    Command("confirm_handover", "handover/confirm", "Confirm the handover",
            "The buyer has received the item; inspection begins.", obj([]), _plain(commands.confirm_handover)),
    Command("contest_handover", "handover/contest", "Contest the handover",
            "The buyer says that it did not happen as filed; an operator decides, or the review timer.",
            obj(["reason", "note"],
                reason=field("string", "Why.", "not_received", enum=list(HANDOVER_REASONS)), note=_NOTE), _contest),
    Command("approve", "approve", "Approve", "The buyer is content: the next part of the price is paid.", obj([]),
            _plain(commands.approve)),
    Command("release_early", "release", "Release the holdback",
            "The buyer releases what is held back before its window ends.", obj([]), _plain(commands.release_early)),
    Command("raise_issue", "issue", "Raise an issue",
            "The buyer claims a part of the holdback, before the running timer ends. What is in escrow stays there.",
            obj(["lines"], lines={"type": "array", "description": "What is wrong, line by line.", "items": _LINE,
                                  "example": [{"code": "COSMETIC_DAMAGE", "amount": 60000000, "note": "A dent",
                                               "evidence": [{"type": "PHOTO", "file_id": FILE}]}]}), _issue),
    Command("respond", "respond", "Answer a claim", "The seller contests it, or offers another amount for each line.",
            obj(["response", "note"],
                response=field("string", "How.", "counter", enum=["contest", "counter"]),
                note=_NOTE,
                counters={"type": "array", "description": "One amount for each line, in minor units.",
                          "example": [30000000], "items": {"type": "integer"}}), _respond),
    Command("accept_claim", "claim/accept", "Accept a claim", "The seller grants what is claimed, up to the caps.",
            obj([]), _plain(disputes.accept_claim)),
    Command("withdraw_claim", "claim/withdraw", "Withdraw a claim", "The buyer takes it back; the deal settles.",
            obj([]), _plain(disputes.withdraw_claim)),
    Command("sign", "sign", "Sign a proposal",
            "When the other side has signed exactly the same, it is carried out at once: price {price}, cancel {} or "
            "{returned: true}, return {returned: true}, settlement {amounts}.",
            obj(["kind"], kind=_KIND,
                content=field("object", "What stands above the signature.", {"price": 2800000000})), _sign),
    Command("unsign", "unsign", "Take a signature back", "While the other side has not signed.",
            obj(["kind"], kind=_KIND), _unsign),
    Command("add_evidence", "evidence", "Put a file forward",
            "For the item of a draft, for the handover, or for a line of the claim and the answer to it.",
            obj(["purpose", "type", "file_id"],
                purpose=field("string", "For what.", "handover", enum=list(PURPOSES)), type=_TYPE, file_id=_FILE_ID,
                line=field("integer", "The claim line that it belongs to.", 1, minimum=1),
                caption=field("string", "A few words.", "Keys and registration")), _evidence),
)  # fmt: skip
