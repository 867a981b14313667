"""Checks an exported pilot by itself: `python verify.py [FOLDER] [--head HASH]`. Needs Python 3.11 and nothing else.

Everything is computed again from rows: the seals of ledger and timeline, every balance, `reserved = settled + refunded`
of every batch, what each webhook said, each criterion and the verdict. One line for each claim, ✓ or ✗ with what is
wrong; exit 1 when anything is. A folder that was changed consistently, seals and all, still has other heads: compare
the two that are printed with those that you were given before, by `--head` or by eye.

Ledger and timeline are the sealed texts themselves, one row a line; a row that the reader may not see stands as its
hash alone, so that the seal can still be checked. The hash of every other file stands in the timeline.
"""

import argparse
import csv
import hashlib
import io
import json
import math
import operator
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]
FORMAT = 1
STREAMS = ("ledger", "timeline")
NEVER_FAILS = "none"
SIGNED = {"succeed": "succeeded", "fail": "failed", "leave_open": "inconclusive"}
FLOORED = ("wallet", "held", "escrow")
COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq}
RULE = re.compile(r"(>=|<=|>|<|=) *(-?[0-9.]+)$")
# fmt: off
TABLES = ("batches", "confirmations", "deals", "disputes", "messages", "proofs", "terms")
MONEY = ("ledger.reserved", "ledger.settled", "ledger.refunded")
BLOCK = ("n", "from_tx", "to_tx", "rows", "first_id", "last_id", "previous", "sealed_at")
FIELDS = ("batch_id", "summary.total", "summary.succeeded", "summary.failed", "ledger.reserved", "ledger.settled",
    "ledger.refunded", "timestamp")
# What a sealed text holds after its kind and format, in this order.
JOURNAL = ("id", "tenant", "key", "request_hash", "kind", "ref_type", "ref_id", "request_id", "description",
    "terms_hash", "effective_at", "recorded_at", "actor", "reverses", "tx", "transfers")
TRANSFER = ("id", "tenant", "kind", "amount", "item", "debit", "debit_kind", "debit_ref", "debit_unit", "credit",
    "credit_kind", "credit_ref", "credit_unit")
EVENT = ("id", "tenant", "subject_kind", "subject_id", "seq", "at", "recorded_at", "actor", "type", "data",
    "visibility", "tx")
# fmt: on


def sha256(data: bytes | str) -> str:
    """SHA-256 in hex of bytes or text."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


class Folder:
    """The files of an export, read once; rows of the streams as dictionaries."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = json.loads(self.text("manifest.json"))
        self.pilot, self.runbook = self.json("pilot.json"), self.json("runbook.json")
        self.papers, self.accounts = self.json("papers.json"), self.json("accounts.json")
        tables = {name: self.json(f"{name}.json") if (path / f"{name}.json").exists() else [] for name in TABLES}
        self.batches, self.messages = tables["batches"], tables["messages"]
        self.confirmations, self.proofs = tables["confirmations"], tables["proofs"]
        self.deals, self.disputes, self.terms = tables["deals"], tables["disputes"], tables["terms"]
        self.criteria, self.seals = self.json("criteria.json"), self.json("seals.json")
        self.lines = {stream: self.text(f"{stream}.jsonl").split("\n")[:-1] for stream in STREAMS}
        self.journals = [row(JOURNAL, line) for line in self.lines["ledger"] if line.startswith("[")]
        for journal in self.journals:
            journal["transfers"] = [dict(zip(TRANSFER, leg, strict=True)) for leg in journal["transfers"]]
        self.events = [row(EVENT, line) for line in self.lines["timeline"] if line.startswith("[")]
        for event in self.events:
            event["data"] = json.loads(event["data"])

    def text(self, name: str) -> str:
        """A file's text."""
        return (self.path / name).read_bytes().decode()

    def json(self, name: str) -> Any:
        """A file's JSON."""
        return json.loads(self.text(name))


def row(names: Sequence[str], line: str) -> Row:
    """A sealed text as a dictionary."""
    return dict(zip(names, json.loads(line)[2:], strict=True))


def check_files(folder: "Folder") -> Iterator[str]:
    """Every file has the hash that the manifest gives, and there is no other."""
    named = folder.manifest["files"]
    if folder.manifest["format"] != FORMAT:
        yield f"the manifest has the format {folder.manifest['format']}, this verifier reads {FORMAT}"
    for name, told in named.items():
        path = folder.path / name
        if not path.is_file():
            yield f"{name} is missing"
        elif [told["bytes"], told["sha256"]] != [len(data := path.read_bytes()), sha256(data)]:
            yield f"{name} is not the file that was exported"
    for path in sorted(folder.path.iterdir()):
        if path.name not in named and path.name not in ("manifest.json", "__pycache__"):
            yield f"{path.name} was not exported"


def check_seals(folder: "Folder") -> Iterator[str]:
    """Each chain continues from its first block, and each block's hash follows from its rows."""
    for stream in STREAMS:
        lines, previous, reached = folder.lines[stream], "", 0
        for n, block in enumerate((each for each in folder.seals if each["stream"] == stream), 1):
            rows, lines = lines[: block["rows"]], lines[block["rows"] :]
            where = f"{stream} block {block['n']}"
            if block["n"] != n or block["from_tx"] != reached or block["previous"] != previous:
                yield f"{where} does not continue the block before it"
            leaves = b"".join(bytes.fromhex(line[1:] if line.startswith("#") else sha256(line)) for line in rows)
            own = ["block", FORMAT, block["tenant"], stream, *(block[name] for name in BLOCK)]
            text = json.dumps(own, ensure_ascii=False).encode() + b"\n"
            if sha256(text + leaves) != block["hash"]:
                yield f"{where} does not hold the rows that were sealed"
            reached, previous = block["to_tx"], block["hash"]
        if lines:
            yield f"{stream} has {len(lines)} rows that no block holds"
        if folder.manifest["heads"][stream] != previous:
            yield f"{stream} ends with another head than the manifest says"


def check_export(folder: "Folder") -> Iterator[str]:
    """Every other file is the one whose hash the timeline sealed when this export was made."""
    made = [e["data"] for e in steps(folder, "export") if e["data"]["reader"] == folder.manifest["reader"]]
    if not made:
        yield "the timeline knows no such export"
        return
    own = {"seals.json", "REPORT.md", "verify.py", *(f"{name}.{end}" for name in STREAMS for end in ("jsonl", "csv"))}
    sealed, named = made[-1]["files"], set(folder.manifest["files"])
    yield from (f"{name} was not part of the export" for name in sorted(named - own - set(sealed)))
    for name, told in sorted(sealed.items()):
        if name not in named or sha256((folder.path / name).read_bytes()) != told:
            yield f"{name} is not the file whose hash the timeline sealed"


def check_tables(folder: "Folder") -> Iterator[str]:
    """The tables for a spreadsheet say what the sealed rows say."""
    for stream in STREAMS:
        if folder.text(f"{stream}.csv") != table(stream, folder.lines[stream]):
            yield f"{stream}.csv is not what {stream}.jsonl says"


def table(stream: str, lines: Sequence[str]) -> str:
    """A stream's readable rows as CSV: one line a transfer or an event."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*JOURNAL[:-1], *(f"transfer_{name}" for name in TRANSFER)) if stream == "ledger" else EVENT)
    for line in lines:
        if line.startswith("["):
            values = json.loads(line)[2:]
            if stream == "ledger":
                writer.writerows([*values[:-1], *leg] for leg in values[-1])
            else:
                writer.writerow(values)
    return out.getvalue()


def check_balances(folder: "Folder") -> Iterator[str]:
    """Each account's balance follows from its transfers, none is below its floor, and each transfer is sound."""
    found: dict[int, int] = defaultdict(int)
    ended, reserved = dict[int, int](), dict[int, int]()
    for journal in folder.journals:
        if not journal["transfers"]:
            yield f"journal {journal['id']} moves nothing"
        for leg in journal["transfers"]:
            if leg["amount"] <= 0 or leg["debit"] == leg["credit"] or leg["debit_unit"] != leg["credit_unit"]:
                yield f"transfer {leg['id']} is not a movement between two accounts of one unit"
            found[leg["debit"]] -= leg["amount"]
            found[leg["credit"]] += leg["amount"]
            if leg["kind"] == "reserve":
                reserved[leg["item"]] = leg["amount"]
            elif leg["kind"] in ("settle", "refund"):
                if leg["item"] in ended:
                    yield f"item {leg['item']} ended twice, in transfers {ended[leg['item']]} and {leg['id']}"
                if reserved.get(leg["item"]) != leg["amount"]:
                    yield f"transfer {leg['id']} does not end what item {leg['item']} had reserved"
                ended[leg["item"]] = leg["id"]
    for account in folder.accounts:
        name = f"account {account['kind']} {account['ref']}".rstrip()
        balance = found.pop(account["id"], 0)
        if balance != account["balance"]:
            yield f"{name} is {balance} {account['unit']} by its rows, not {account['balance']}"
        if account["kind"] in FLOORED and balance < 0:
            yield f"{name} is below zero"
    yield from (f"account {missing} has transfers and is not listed" for missing in sorted(found))


def money_of(folder: Folder) -> dict[str, dict[str, int]]:
    """{batch's public id: {reserve, settle, refund}} by the ledger."""
    money: dict[str, dict[str, int]] = defaultdict(lambda: {"reserve": 0, "settle": 0, "refund": 0})
    for journal in folder.journals:
        for leg in journal["transfers"]:
            if leg["kind"] in ("reserve", "settle", "refund"):
                money[journal["ref_id"]][leg["kind"]] += leg["amount"]
    return money


def finished(folder: Folder) -> dict[int, Row]:
    """{batch's row id: its `finish` event}."""
    return {e["subject_id"]: e for e in folder.events if e["subject_kind"] == "batch" and e["type"] == "finish"}


def check_equation(folder: "Folder") -> Iterator[str]:
    """reserved = settled + refunded of each batch that ended, alike in ledger, timeline and list of batches."""
    money, ends = money_of(folder), finished(folder)
    for batch in folder.batches:
        found, end = money[batch["public_id"]], ends.get(batch["id"])
        if list(found.values()) != [batch["reserved"], batch["settled"], batch["refunded"]]:
            yield f"{batch['public_id']} says other money than its ledger rows"
        if end is None:
            continue
        if found["reserve"] != found["settle"] + found["refund"]:
            yield f"{batch['public_id']}: {found['reserve']} reserved is not {found['settle']} + {found['refund']}"
        told = end["data"]
        if [told["reserved"], told["settled"], told["refunded"]] != list(found.values()):
            yield f"{batch['public_id']} ended with other money in its timeline than in the ledger"
        if [told["total"], told["succeeded"], told["failed"]] != [batch["total"], batch["succeeded"], batch["failed"]]:
            yield f"{batch['public_id']} ended with other counts in its timeline"


def check_webhooks(folder: "Folder") -> Iterator[str]:
    """The bytes of each message are those that were hashed, and they say what the ledger says."""
    money = money_of(folder)
    for message in folder.messages:
        if sha256(message["body"]) != message["body_sha256"]:
            yield f"{message['webhook_id']} holds other bytes than were sent"
        if message["type"] != "batch.completed":
            continue
        body, found = json.loads(message["body"]), money[message["reference"]]
        says = [body["ledger"][name] for name in ("reserved", "settled", "refunded")]
        if body["batch_id"] != message["reference"] or says != list(found.values()):
            yield f"{message['webhook_id']} told {says}, the ledger has {list(found.values())}"


def steps(folder: Folder, *types: str) -> list[Row]:
    """The pilot's own events of these types, in their order."""
    mine = (event for event in folder.events if event["subject_kind"] == "pilot")
    return [event for event in mine if event["subject_id"] == folder.pilot["id"] and event["type"] in types]


def in_attempt(folder: Folder, *types: str) -> list[Row]:
    """Those of the attempt that is told: since it was activated."""
    return [event for event in steps(folder, *types) if event["at"] >= folder.pilot["since"]]


def in_time(folder: Folder, at: int) -> bool:
    """Whether an instant, in microseconds, is within the pilot's time."""
    until = folder.pilot["until"]
    return at >= folder.pilot["since"] and (until is None or at <= until)


def batches_completed(folder: Folder) -> tuple[int, int]:
    """Live batches created since the activation that ended by the deadline, of all created."""
    ends = finished(folder)
    return sum(b["id"] in ends and in_time(folder, ends[b["id"]]["at"]) for b in folder.batches), len(folder.batches)


def receipts_confirmed(folder: Folder) -> tuple[int, int]:
    """Batches whose newest confirmation ticks all eight fields of exactly the bytes that we sent, of those told."""
    told = [each for each in folder.messages if each["type"] == "batch.completed" and each["deliveries"]]
    sent = {each["reference"]: each["body_sha256"] for each in told}
    newest = {each["batch"]: each for each in sorted(folder.confirmations, key=lambda each: each["id"])}
    confirmed = 0
    for batch, said in newest.items():
        ticked = {each["field"] for each in said["fields"] if each["ticked"]}
        confirmed += ticked == set(FIELDS) and said["body_sha256"] == sent.get(batch) and in_time(folder, said["at"])
    return confirmed, len(sent)


def finance_verified(folder: Folder) -> tuple[int, int]:
    """Batches that add up in the ledger, once Finance has said so and all of them do; of those completed."""
    money, ends = money_of(folder), finished(folder)
    done = [batch for batch in folder.batches if batch["id"] in ends]
    sums = [money[batch["public_id"]] for batch in done]
    equal = sum(each["reserve"] == each["settle"] + each["refund"] for each in sums)
    said = [e for e in steps(folder, "attest") if e["data"]["line"] == "finance_confirms"]
    words = [each for each in said if each["at"] >= folder.pilot["since"]]
    spoken = bool(words) and words[-1]["data"]["agrees"] and in_time(folder, words[-1]["at"])
    return equal if spoken and equal == len(done) else 0, len(done)


# The events by which a deal ends, with the state that each gives; and those that make an offer of a draft.
ENDS = {
    "settle_approved": "SETTLED", "release_holdback": "SETTLED", "settle_issue": "SETTLED", "withdraw": "CANCELLED",
    "expire_draft": "EXPIRED", "expire_offer": "EXPIRED", "expire_funding": "EXPIRED", "cancel_funded": "REFUNDED",
    "cancel_in_inspection": "REFUNDED", "cancel_in_issue": "REFUNDED",
}  # fmt: skip
MADE = ("offer", "withdraw", "expire_draft")
HOURS = {
    "offerTtlHours": 1, "fundingTtlHours": 1, "handoverTtlDays": 24, "handoverConfirmTtlHours": 1,
    "handoverReviewTtlHours": 1, "inspectionTtlDays": 24, "disputeTtlHours": 2,
}  # fmt: skip
DRAFT_HOURS, HOUR_US, DAY_S, SECOND_US = 30 * 24, 3_600_000_000, 86_400, 1_000_000


def told_of(folder: Folder, kind: str) -> dict[int, list[Row]]:
    """{row id: its events in order} of a kind of subject."""
    found: dict[int, list[Row]] = defaultdict(list)
    for event in folder.events:
        if event["subject_kind"] == kind:
            found[event["subject_id"]].append(event)
    return found


def offered(folder: Folder) -> list[Row]:
    """The deals under the pilot's terms that were offered, by their sealed events: {id, settled, ended_at, ...}."""
    bodies, stories = {each["hash"]: each["body"] for each in folder.terms}, told_of(folder, "deal")
    rows = {each["id"]: each for each in folder.deals}
    found = []
    for key, story in stories.items():
        terms = bodies.get(story[0]["data"].get("terms", ""))
        if terms is None or not any(event["type"] in MADE for event in story):
            continue
        last = next((event for event in story if event["type"] in ENDS), None)
        created = rows[key]["created_at"] if key in rows else story[0]["at"]
        life = sum(int(terms[name]) * hours for name, hours in HOURS.items()) + DRAFT_HOURS
        old = created < folder.pilot["as_of"] - life * HOUR_US
        raised = next((event for event in story if event["type"] == "raise_issue"), None)
        found.append({
            "id": key, "created_at": created, "ended_at": last["at"] if last else None,
            "settled": last is not None and ENDS[last["type"]] == "SETTLED", "matured": last is not None or old,
            "codes": raised["data"]["codes"] if raised else None, "required": terms["requiredEvidence"],
        })  # fmt: skip
    return found


def completion(folder: Folder) -> tuple[float | None, int]:
    """Deals that reached SETTLED, of the matured ones."""
    deals = offered(folder)
    matured = sum(each["matured"] for each in deals)
    return sum(each["settled"] for each in deals) / matured if matured else None, matured


def days_to_settle(folder: Folder) -> tuple[float | None, int]:
    """Average days from a deal's creation to its settlement."""
    deals = offered(folder)
    seconds = [(each["ended_at"] - each["created_at"]) / SECOND_US for each in deals if each["settled"]]
    return sum(seconds) / len(seconds) / DAY_S if seconds else None, sum(each["matured"] for each in deals)


def dispute_frequency(folder: Folder) -> tuple[float | None, int]:
    """Matured deals that ever were in dispute, of the matured ones."""
    matured = [each for each in offered(folder) if each["matured"]]
    return sum(each["codes"] is not None for each in matured) / len(matured) if matured else None, len(matured)


def evidence_completeness(folder: Folder) -> tuple[float | None, int]:
    """Disputes with all types of evidence that the terms require of their claims; 1 when there is none."""
    deals = offered(folder)
    files: dict[int, set[tuple[str, str]]] = defaultdict(set)
    named = {each["public_id"]: each["id"] for each in folder.deals}
    for event in (event for story in told_of(folder, "dispute").values() for event in story):
        if event["type"] == "evidence" and event["data"]["side"] == "buyer":
            files[named.get(event["data"]["deal"], 0)] |= {(code, type_) for code, type_ in event["data"]["pieces"]}
    disputed = [each for each in deals if each["codes"] is not None]
    whole = [
        all((code, type_) in files[deal["id"]] for code in deal["codes"] for type_ in deal["required"].get(code, ()))
        for deal in disputed
    ]
    return sum(whole) / len(whole) if whole else 1.0, sum(each["matured"] for each in deals)


def check_deals(folder: Folder) -> Iterator[str]:
    """Each deal's row follows from its sealed events, its terms are those it is pinned to, and its escrow is parted."""
    for each in folder.terms:
        if canonical(each["body"]) != each["hash"]:
            yield f"terms {each['name']} v{each['version']} are not those of their hash"
    known, stories = {each["hash"] for each in folder.terms}, told_of(folder, "deal")
    rows, template = {each["id"]: each for each in folder.deals}, folder.runbook.get("scope", {}).get("template")
    for key, story in stories.items():
        began = story[0]["data"]
        if template and began.get("template") == template and began["terms"] not in known:
            yield f"deal {key} began under terms of the pilot that are not listed"
        if began.get("terms") in known and key not in rows:
            yield f"deal {key} has a timeline and is not listed"
    flows = parted(folder)
    for deal in folder.deals:
        story, name = stories.get(deal["id"], []), deal["public_id"]
        if not story or story[0]["type"] != "create" or story[0]["data"].get("terms") != deal["terms_hash"]:
            yield f"{name} did not begin under the terms that it is listed with"
            continue
        if abs(story[0]["at"] - deal["created_at"]) > SECOND_US:
            yield f"{name} is listed with another beginning than its timeline"
        last = next((event for event in story if event["type"] in ENDS), None)
        if (last["at"] if last else None) != deal["ended_at"] or (last and ENDS[last["type"]] != deal["state"]):
            yield f"{name} is listed as {deal['state']}, its timeline says otherwise"
        if last and flows[name][0] != flows[name][1]:
            yield f"{name} ended with {flows[name][0]} funded and {flows[name][1]} released or returned"
    deals_of = {each["id"]: each["deal"] for each in folder.disputes}
    raised = sorted(key for key in rows for event in stories.get(key, ()) if event["type"] == "raise_issue")
    if raised != sorted(deals_of.values()):
        yield "disputes.json lists other disputes than the timelines of the deals"
    # Of another template's disputes nothing is listed; the evidence of each names its deal.
    names = {each["public_id"]: each["id"] for each in folder.deals}
    for key, story in told_of(folder, "dispute").items():
        of = {names[event["data"]["deal"]] for event in story if event["data"].get("deal") in names}
        if of - {deals_of.get(key)}:
            yield f"a dispute with the id {key} is not listed with its deal"


def parted(folder: Folder) -> dict[str, tuple[int, int]]:
    """{deal: (funded, released and returned)} by the ledger."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for journal in folder.journals:
        if journal["ref_type"] == "deal":
            for leg in journal["transfers"]:
                into, out = found[journal["ref_id"]]
                into += leg["amount"] if leg["kind"] == "fund" else 0
                out += leg["amount"] if leg["kind"] in ("release", "return") else 0
                found[journal["ref_id"]] = (into, out)
    return found


MEASURES: Mapping[str, Callable[[Folder], tuple[float | None, int]]] = {
    each.__name__: each
    for each in (
        batches_completed, receipts_confirmed, finance_verified, completion, days_to_settle, dispute_frequency,
        evidence_completeness,
    )
}  # fmt: skip


def newest_said(folder: Folder) -> list[Row]:
    """The newest confirmation of each batch."""
    return list({each["batch"]: each for each in sorted(folder.confirmations, key=lambda each: each["id"])}.values())


def receipt_differs(folder: Folder) -> bool:
    """A newest confirmation that is not whole: a field that differs or is not ticked."""
    return any(not all(e["same"] and e["ticked"] for e in each["fields"]) for each in newest_said(folder))


def finance_refuses(folder: Folder) -> bool:
    """Finance said no, or holds a body with other money."""
    said = [event["data"] for event in steps(folder, "attest") if event["data"]["line"] == "finance_confirms"]
    differs = (each for each in newest_said(folder) if each["role"] == "finance")
    return bool(said and not said[-1]["agrees"]) or any(
        not field["same"] for each in differs for field in each["fields"] if field["field"] in MONEY
    )


def parity_questioned(folder: Folder) -> int:
    """When somebody of the customer last asked whether the demo is the same as the API; 0 for never."""
    asked = [event["at"] for event in steps(folder, "signal") if event["data"]["kind"] == "parity_question"]
    return max((at for at in asked if at >= folder.pilot["since"]), default=0)


def kept_proofs(folder: Folder) -> list[Row]:
    """The events that sealed a proof of parity since the activation, in their order."""
    kept = (e for e in folder.events if e["subject_kind"] == "batch" and e["type"] == "parity_proof")
    return [event for event in kept if event["at"] >= folder.pilot["since"]]


def proven(proof: Row) -> tuple[str, list[str]]:
    """(pass, fail or inconclusive, what is wrong) of a proof, from the parameters and bytes of both of its sides."""
    one, other = proof["body"]["first"], proof["body"]["second"]
    wrong = []
    for name, side in proof["body"].items():
        for n, item in enumerate(side["items"], 1):
            whole = {"params": item["params"], "image_sha256": item["image_sha256"], **side["versions"]}
            if canonical(whole) != item["fingerprint"]:
                wrong.append(f"video {n} of {proof[name]} has another fingerprint than its parameters")
        prints, rule = [item["fingerprint"] for item in side["items"]], side["versions"]["ledger_rule"]
        own = canonical({"items": prints, "terms": side["terms"], "ledger_rule": rule})
        if {own} != {side["fingerprint"], proof[f"{name}_fingerprint"]}:
            wrong.append(f"{proof[name]} has another fingerprint than its videos")
    pairs = [(a, b) for a, b in zip(one["items"], other["items"], strict=False) if a["fingerprint"] == b["fingerprint"]]
    media = [(a["media_sha256"], b["media_sha256"]) for a, b in pairs if a["media_sha256"] and b["media_sha256"]]
    equal = sum(a == b for a, b in media)
    if (len(media), equal) != (proof["media_compared"], proof["media_equal"]):
        wrong.append(f"{equal} of {len(media)} videos have the same bytes")
    asked = [[(item["params"], item["image_sha256"]) for item in side["items"]] for side in (one, other)]
    if wrong or equal < len(media):
        return "fail", wrong
    if one["versions"] != other["versions"] or one["terms"] != other["terms"] or asked[0] != asked[1]:
        return "inconclusive", wrong
    return ("pass" if one["fingerprint"] == other["fingerprint"] else "fail"), wrong


def check_proofs(folder: "Folder") -> Iterator[str]:
    """Each proof of parity follows from its parameters and bytes, and is the one that the timeline sealed."""
    sealed = {event["data"]["proof"]: event["data"] for event in kept_proofs(folder)}
    prints = {batch["public_id"]: batch["fingerprint"] for batch in folder.batches}
    for proof in folder.proofs:
        name, event = proof["public_id"], sealed.pop(proof["public_id"], {})
        if canonical(proof) != event.get("sha256") or proof["state"] != event.get("state"):
            yield f"{name} is not what the timeline sealed when it was kept"
        state, wrong = proven(proof)
        if state != proof["state"]:
            yield "; ".join([f"{name} says {proof['state']}, its rows say {state}", *wrong])
        for side in ("first", "second"):
            if prints.get(proof[side], proof[f"{side}_fingerprint"]) != proof[f"{side}_fingerprint"]:
                yield f"{name}: {proof[side]} is listed with another fingerprint"
    yield from (f"{missing} was kept and is not among the proofs" for missing in sealed)


def accepted(folder: Folder, line: str) -> bool:
    """Whether the newest word on a line accepts, after the question, a proof that passed and that stands."""
    said = [event for event in steps(folder, "attest") if event["data"]["line"] == line]
    kept = [event["data"] for event in kept_proofs(folder)]
    last_fail = max((n for n, each in enumerate(kept) if each["state"] == "fail"), default=-1)
    stand = {each["proof"] for each in kept[last_fail + 1 :]}
    passed = {proof["public_id"] for proof in folder.proofs if proven(proof)[0] == "pass"}
    if not said or not said[-1]["data"]["agrees"] or said[-1]["at"] < parity_questioned(folder):
        return False
    return said[-1]["data"].get("proof") in stand & passed


FAILURES = {each.__name__: each for each in (receipt_differs, finance_refuses, parity_questioned)}


def check_failures(folder: "Folder") -> Iterator[str]:
    """Each failure condition holds, or was taken back, as the rows say."""
    verdicts = {each["id"]: each["verdict"] for each in folder.criteria["criteria"]}
    told = {each["id"]: each for each in folder.criteria["failures"]}
    if set(told) != {each["id"] for each in folder.runbook.get("failures", ())}:
        yield "criteria.json lists other failure conditions than the runbook"
    for failure in folder.runbook.get("failures", ()):
        said, check = told.get(failure["id"]), failure.get("check", "")
        if said is None:
            continue
        if check and check not in FAILURES:
            yield f"{failure['id']}: this verifier does not know {check}"
            continue
        holds = verdicts.get(failure.get("criterion", "")) == "fail" or bool(check and FAILURES[check](folder))
        if check == "parity_questioned" and folder.manifest["reader"] != "ours":
            holds = said["holds"]  # what a customer asked stands in events that are ours
        cleared = holds and accepted(folder, failure.get("cleared_by", ""))
        if (holds, cleared) != (said["holds"], said["cleared"]):
            words = "is taken back" if cleared else "holds" if holds else "does not hold"
            yield f"{failure['id']} {words} by the rows, criteria.json says otherwise"


SLOT = re.compile(r"\{(\w+)\}")


def canonical(value: Any) -> str:
    """The hash of a value's canonical JSON."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def filled(body: str, slots: Mapping[str, str]) -> str:
    """A text with its slots filled."""
    return SLOT.sub(lambda found: slots[found[1]], body).strip()


def check_papers(folder: "Folder") -> Iterator[str]:
    """Each message and report is the runbook's text filled with its inputs, and the timeline sealed both hashes."""
    texts = {each["id"]: each for each in folder.runbook.get("texts", ())}
    sealed = {event["data"].get("message"): event["data"] for event in steps(folder, "message")}
    for paper in folder.papers:
        name, inputs = f"{paper['public_id']} ({paper['text']})", paper["inputs"]
        if canonical(inputs) != paper["inputs_sha256"] or sha256(paper["body"]) != paper["body_sha256"]:
            yield f"{name} has other inputs or words than its hashes"
        event = sealed.pop(paper["public_id"], None)
        hashes = {key: paper[key] for key in ("inputs_sha256", "body_sha256")}
        if event is None or any(event[key] != value for key, value in hashes.items()):
            yield f"{name} is not what the timeline sealed when it was sent"
        if inputs["runbook"] == folder.pilot["runbook_hash"]:
            body = filled(texts[paper["text"]]["body"], inputs["slots"])
            if body != paper["body"]:
                yield f"{name} does not say what its inputs give"
        counted = told_then(folder, int_of(inputs["as_of"]))
        for slot, value in counted.items():
            if inputs["slots"].get(slot, value) != value:
                yield f"{name} says {slot} {inputs['slots'][slot]}, the timeline had {value}"
    yield from (f"{missing} was sent and is not among the papers" for missing in sealed if missing)


def told_then(folder: Folder, at: int) -> dict[str, str]:
    """What a report of a batch pilot had to say of the batches that had ended at an instant, by the timeline."""
    if not folder.batches:
        return {}
    mine = {each["id"] for each in folder.batches}
    ends = [event["data"] for key, event in finished(folder).items() if key in mine and event["at"] <= at]
    return {
        "batches": str(len(ends)), "items": str(sum(each["total"] for each in ends)),
        "succeeded": str(sum(each["succeeded"] for each in ends)),
        "credits_used": str(sum(each["settled"] for each in ends)),
    }  # fmt: skip


def int_of(instant: str) -> int:
    """Microseconds since 1970 of an ISO instant."""
    at = datetime.fromisoformat(instant)
    return int(at.timestamp()) * SECOND_US + at.microsecond


def holds(rule: str, value: float) -> bool:
    """Whether a value satisfies a rule such as `>= 1`."""
    found = RULE.match(rule)
    if found is None:
        raise ValueError(f"{rule} is no rule")
    return bool(COMPARE[found[1]](value, float(found[2])))


def judged(criterion: Row, value: float | None, of: int, is_over: bool) -> str:
    """pass, fail, inconclusive or insufficient."""
    if value is None or of < criterion["least"]:
        return "insufficient"
    if holds(criterion["target"], value):
        return "pass"
    if criterion["window"] == "deadline" and not is_over:
        return "insufficient"
    if criterion["fail_at"] != NEVER_FAILS and holds(criterion["fail_at"], value):
        return "fail"
    return "inconclusive"


def same(value: float | None, told: float | None) -> bool:
    """Whether two numbers are one, but for the last digit of a sum that was added in another order."""
    if value is None or told is None:
        return value is told
    return math.isclose(value, told, rel_tol=1e-9)


def check_terms(folder: "Folder") -> Iterator[str]:
    """The runbook is the one that the pilot is pinned to."""
    if canonical(folder.runbook) != folder.pilot["runbook_hash"]:
        yield "runbook.json is not the version that the pilot is pinned to"


def check_frame(folder: "Folder") -> Iterator[str]:
    """The pilot began with its runbook, and counts from when and until when, as its timeline sealed it."""
    pilot, created, begun = folder.pilot, steps(folder, "create"), steps(folder, "activate")
    if not created or created[0]["data"].get("runbook_hash") != pilot["runbook_hash"]:
        yield "pilot.json names another runbook than the pilot began with"
    if not begun or int_of(begun[-1]["data"]["since"]) != pilot["since"]:
        yield "pilot.json says another beginning than the timeline"
        return
    deadline = steps(folder, "activate", "pause", "resume")[-1]["data"]["deadline_at"]
    if pilot["until"] != (int_of(deadline) if deadline else None):
        yield "pilot.json says another deadline than the timeline"
    ended = [event["type"] for event in in_attempt(folder, "give_up", "review")]
    is_over = bool(ended) or (pilot["until"] is not None and pilot["as_of"] >= pilot["until"])
    if (pilot["is_over"], pilot["gave_up"]) != (is_over, "give_up" in ended):
        yield "pilot.json says of the pilot's end what the timeline does not"


def check_criteria(folder: "Folder") -> Iterator[str]:
    """Each criterion of the runbook has the value and verdict that follow from the rows."""
    told = {each["id"]: each for each in folder.criteria["criteria"]}
    if set(told) != {each["id"] for each in folder.runbook["criteria"]}:
        yield "criteria.json lists other criteria than the runbook"
    for criterion in folder.runbook["criteria"]:
        said, measure = told.get(criterion["id"]), MEASURES.get(criterion["measure"])
        if measure is None:
            yield f"{criterion['id']}: this verifier does not know the measure {criterion['measure']}"
        elif said is not None:
            value, of = measure(folder)
            verdict = judged(criterion, value, of, folder.pilot["is_over"])
            if not same(value, said["value"]) or (of, verdict) != (said["of"], said["verdict"]):
                was = f"{said['value']} of {said['of']} ({said['verdict']})"
                yield f"{criterion['id']} is {value} of {of} ({verdict}), not {was}"


def check_verdict(folder: "Folder") -> Iterator[str]:
    """The verdict follows from failure conditions and criteria, in the order of the rules, and is the one signed."""
    told = folder.criteria
    verdicts = {each["verdict"] for each in told["criteria"]}
    failed = "fail" in verdicts or any(each["holds"] and not each["cleared"] for each in told["failures"])
    failed = failed or (told["p0"] and folder.pilot["gave_up"])
    state = "failed" if failed else "succeeded" if verdicts == {"pass"} else "inconclusive"
    if state != told["state"]:
        yield f"the facts say {state}, criteria.json says {told['state']}"
    signed = [(SIGNED[each["type"]], each["actor"]) for each in in_attempt(folder, *SIGNED)]
    said = (folder.pilot["verdict"], folder.pilot["verdict_by"])
    if said != (signed[-1] if signed else ("", "")):
        yield f"pilot.json says {said[0] or 'nothing'} signed by {said[1] or 'nobody'}, the timeline says otherwise"


def inputs_hash(manifest: Row) -> str:
    """One hash over all data files: what a report was made from."""
    data = sorted(set(manifest["files"]) - {"REPORT.md", "verify.py"})
    return sha256("".join(f"{manifest['files'][name]['sha256']}  {name}\n" for name in data))


def report(pilot: Row, criteria: Row, manifest: Row) -> str:
    """The text of REPORT.md."""
    lines = [f"# Pilot {pilot['public_id']} of {pilot['company']}", "", f"Computed: **{criteria['state']}**.", "",
             "| criterion | value | of | target | verdict |", "|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {each['title']} | {each['value']} | {each['of']} | {each['target']} | {each['verdict']} |"
        for each in criteria["criteria"]
    ]
    heads = manifest["heads"]
    lines += ["", f"Ledger head: `{heads['ledger']}`", "", f"Timeline head: `{heads['timeline']}`", "",
              f"Inputs: `{inputs_hash(manifest)}`", ""]  # fmt: skip
    return "\n".join(lines)


def check_report(folder: "Folder") -> Iterator[str]:
    """The report says what the files say, and carries the hash of what it was made from."""
    if folder.text("REPORT.md") != report(folder.pilot, folder.criteria, folder.manifest):
        yield "REPORT.md is not what follows from the files"


CLAIMS = (
    ("Every file is as it was exported", check_files),
    ("The seals hold every row of ledger and timeline", check_seals),
    ("The tables are the sealed rows", check_tables),
    ("Every other file has the hash that was sealed at the export", check_export),
    ("Every balance follows from its transfers", check_balances),
    ("reserved = settled + refunded for every batch", check_equation),
    ("Every webhook told what the ledger has", check_webhooks),
    ("Every deal follows from its timeline, terms and ledger", check_deals),
    ("The runbook is the pinned one", check_terms),
    ("The pilot began and ended as its timeline says", check_frame),
    ("Every criterion follows from the rows", check_criteria),
    ("Every proof of parity follows from its parameters", check_proofs),
    ("Every failure condition follows from the rows", check_failures),
    ("The verdict follows from the criteria", check_verdict),
    ("The report says what the files say", check_report),
    ("Every message and report is what was sealed", check_papers),
)


def claims(path: Path, heads: Sequence[str] = ()) -> list[tuple[str, list[str]]]:
    """[(claim, [what is wrong])] of the export in a folder; `heads` are hashes that must be among its own."""
    try:
        folder = Folder(path)
    except (ArithmeticError, AttributeError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return [("The folder holds an export", [f"it cannot be read: {error}"])]
    found = []
    for claim, check in CLAIMS:
        try:
            problems = list(check(folder))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, IndexError, OSError) as error:
            problems = [f"the files do not fit together: {type(error).__name__} {error}"]
        found.append((claim, problems))
    if heads:
        strange = set(heads) - {block["hash"] for block in folder.seals}
        found.append(("The heads are those that you were given", [f"{head} is not among them" for head in strange]))
    return found


def told(found: Sequence[tuple[str, list[str]]]) -> str:
    """Lines for a person."""
    return "\n".join("\n    ".join([f"{'✗' if wrong else '✓'} {claim}", *wrong]) for claim, wrong in found)


def main() -> None:
    """Print each claim; exit 1 when one does not hold."""
    parser = argparse.ArgumentParser(description="Check an exported pilot, offline.")
    parser.add_argument("folder", nargs="?", default=Path(__file__).resolve().parent, type=Path)
    parser.add_argument("--head", action="append", default=[], help="A seal that you were given; may be repeated.")
    options = parser.parse_args()
    found = claims(options.folder, options.head)
    print(told(found))
    sys.exit(any(problems for _, problems in found))


if __name__ == "__main__":
    main()
