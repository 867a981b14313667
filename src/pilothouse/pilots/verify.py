"""Checks an exported pilot by itself: `python verify.py [FOLDER] [--head HASH]`. Needs Python 3.11 and nothing else.

Everything is computed again from rows: the seals of ledger and timeline, every balance, `reserved = settled + refunded`
of every batch, what each webhook said, each criterion and the verdict. One line for each claim, ✓ or ✗ with what is
wrong; exit 1 when anything is. A folder that was changed consistently, seals and all, still has other heads: compare
the two that are printed with those that you were given before, by `--head` or by eye.

Ledger and timeline are the sealed texts themselves, one row a line. A row that the reader may not see stands as its
hash alone, so that the seal can still be checked.
"""

import argparse
import csv
import hashlib
import io
import json
import operator
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        self.batches, self.messages = self.json("batches.json"), self.json("messages.json")
        self.confirmations, self.accounts = self.json("confirmations.json"), self.json("accounts.json")
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
    for name, told in named.items():
        path = folder.path / name
        if not path.is_file():
            yield f"{name} is missing"
        elif sha256(path.read_bytes()) != told["sha256"]:
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


MEASURES: Mapping[str, Callable[[Folder], tuple[int, int]]] = {
    each.__name__: each for each in (batches_completed, receipts_confirmed, finance_verified)
}


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


def check_terms(folder: "Folder") -> Iterator[str]:
    """The runbook is the one that the pilot is pinned to."""
    text = json.dumps(folder.runbook, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if sha256(text) != folder.pilot["runbook_hash"]:
        yield "runbook.json is not the version that the pilot is pinned to"


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
            if (value, of, verdict) != (said["value"], said["of"], said["verdict"]):
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
    signed = steps(folder, *SIGNED)
    if folder.pilot["verdict"] and (not signed or SIGNED[signed[-1]["type"]] != folder.pilot["verdict"]):
        yield f"pilot.json says {folder.pilot['verdict']}, which nobody signed in the timeline"


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
    ("Every balance follows from its transfers", check_balances),
    ("reserved = settled + refunded for every batch", check_equation),
    ("Every webhook told what the ledger has", check_webhooks),
    ("The runbook is the pinned one", check_terms),
    ("Every criterion follows from the rows", check_criteria),
    ("The verdict follows from the criteria", check_verdict),
    ("The report says what the files say", check_report),
)


def claims(path: Path, heads: Sequence[str] = ()) -> list[tuple[str, list[str]]]:
    """[(claim, [what is wrong])] of the export in a folder; `heads` are hashes that must be among its own."""
    try:
        folder = Folder(path)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return [("The folder holds an export", [f"it cannot be read: {error}"])]
    found = []
    for claim, check in CLAIMS:
        try:
            problems = list(check(folder))
        except (AttributeError, KeyError, TypeError, ValueError, IndexError, OSError) as error:
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
