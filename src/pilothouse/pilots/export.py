"""Writes a pilot to a folder from which an outsider can compute its verdict again, with `verify.py` beside the files.

The rows of ledger and timeline are written as the texts that the seals hash, and the hash of every other file stands in
the timeline, so a changed digit has nowhere to hide.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pilothouse.kernel.base.scope import ops_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.ledger.sealing import seal

from . import verify
from .evaluation import Look, Verdict, look_now, open_p0, verdict_of, window_is_over
from .limits import EXPORT_PASSES_MAX_COUNT
from .pilot_errors import ExportUnsettled, FolderNotEmpty, NoExport
from .pilot_models import Pilot
from .pilot_reads import access_pilot
from .pilot_steps import tell
from .registry import rows_of
from .verdicts import findings

SQL = Statements(__file__, "sql/export")
READERS = ("customer", "ours")


def export_pilot(public_id: str, folder: Path, actor: str, *, reader: str = "ours") -> dict[str, Any]:
    """Write the export of a pilot into `folder`, which must be new or empty; returns {files, heads, inputs, state}.

    `reader` is `ours` or `customer`: for a customer, internal events stand as their hashes alone, so the seals can
    still be checked. What is finished is sealed first. Raises NotFound, NoExport for a program whose verdict the
    verifier cannot compute, FolderNotEmpty, and ExportUnsettled when the account is too busy to be read at rest.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(folder=str(folder))
    texts, seen, verdict = _at_rest(public_id, actor, reader)
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: text.encode() for name, text in texts.items()}
    heads = _heads(json.loads(texts["seals.json"]))
    manifest: dict[str, Any] = {"format": verify.FORMAT, "reader": reader, "heads": heads, "files": {}}
    for name in sorted(files):
        manifest["files"][name] = _entry(files[name])
    files["REPORT.md"] = verify.report(
        json.loads(texts["pilot.json"]), json.loads(texts["criteria.json"]), manifest
    ).encode()
    files["verify.py"] = Path(verify.__file__).read_bytes()
    for name in ("REPORT.md", "verify.py"):
        manifest["files"][name] = _entry(files[name])
    try:
        for name, data in {**files, "manifest.json": _json(manifest).encode()}.items():
            (folder / name).write_bytes(data)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # half an export must not be taken for one
        raise
    return {
        "pilot": seen.pilot.public_id,
        "folder": str(folder),
        "state": verdict.state,
        "heads": heads,
        "inputs": verify.inputs_hash(manifest),
        "files": {name: each["sha256"] for name, each in manifest["files"].items()},
    }


def _at_rest(public_id: str, actor: str, reader: str) -> tuple[dict[str, str], Look, Verdict]:
    """The files' texts, read while nothing else of the account happened.

    1. Read the tables while no row is unsealed. 2. Put their hashes into the pilot's timeline, so that a table that is
    changed later differs from a sealed row. 3. Seal that event, and read both streams when it is the only new row;
    otherwise begin again.
    """
    for _ in range(EXPORT_PASSES_MAX_COUNT):
        seal()
        with ops_scope(actor, "export"):
            pilot = access_pilot(public_id)
            before = _marks(pilot)
            texts, seen, verdict = _tables(pilot, reader)
            if before["unsealed"] or before != _marks(pilot):
                continue
            hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
            tell(pilot, "export", {"reader": reader, "files": hashes}, "internal" if reader == "ours" else "customer")
        if (streams := _streams(pilot, actor, reader, before)) is not None:
            return {**texts, **streams}, seen, verdict
    raise ExportUnsettled(pilot=public_id)


def _marks(pilot: Pilot) -> Row:
    found = SQL.one("marks", tenant=pilot.tenant_id)
    assert found is not None
    return found


def _tables(pilot: Pilot, reader: str) -> tuple[dict[str, str], Look, Verdict]:
    rows = rows_of(pilot.program)
    if rows is None or pilot.since is None:
        raise NoExport(pilot=pilot.public_id)
    seen = look_now(pilot)
    p0 = open_p0(pilot)
    verdict = verdict_of(seen, p0)
    tables: Mapping[str, list[Row]] = {
        **rows(seen.scope),
        "accounts": SQL.rows("accounts", tenant=pilot.tenant_id),
        "papers": SQL.rows("papers", pilot=pilot.id, all=reader == "ours"),
    }
    texts = {f"{name}.json": _json(rows) for name, rows in tables.items()}
    texts["pilot.json"] = _json(_pilot(pilot, seen))
    texts["runbook.json"] = _json(seen.runbook.body)
    texts["criteria.json"] = _json({**findings(seen, verdict), "p0": [row["public_id"] for row in p0]})
    return texts, seen, verdict


def _streams(pilot: Pilot, actor: str, reader: str, before: Row) -> dict[str, str] | None:
    """Ledger, timeline and seals once the export's own event is sealed; None when another row came in between."""
    for _ in range(EXPORT_PASSES_MAX_COUNT):
        seal()
        with ops_scope(actor, "export"):
            now = _marks(pilot)
            if now["unsealed"]:
                continue
            if now != {**before, "timeline": before["timeline"] + 1}:
                return None
            streams: dict[str, list[str]] = {name: [] for name in verify.STREAMS}
            for row in SQL.rows("streams", tenant=pilot.tenant_id, all=reader == "ours"):
                streams[row["stream"]].append(row["line"])
            texts = {"seals.json": _json(SQL.rows("seals", tenant=pilot.tenant_id))}
            if now != _marks(pilot):
                return None
        for name, lines in streams.items():
            texts[f"{name}.jsonl"] = "".join(line + "\n" for line in lines)
            texts[f"{name}.csv"] = verify.table(name, lines)
        return texts
    return None


def _pilot(pilot: Pilot, seen: Look) -> dict[str, Any]:
    return {
        "id": pilot.id, "public_id": pilot.public_id, "company": pilot.company, "program": pilot.program,
        "state": pilot.state, "attempt": pilot.attempt, "runbook": pilot.runbook,
        "runbook_version": pilot.runbook_version, "runbook_hash": pilot.runbook_hash,
        "since": _microseconds(pilot.since), "until": _microseconds(pilot.deadline_at),
        "as_of": _microseconds(seen.scope.now), "is_over": window_is_over(pilot, seen.scope.now),
        "gave_up": pilot.gave_up_at is not None, "verdict": pilot.verdict, "verdict_by": pilot.verdict_by,
        "recommendation": pilot.recommendation,
    }  # fmt: skip


def _heads(seals: list[Row]) -> dict[str, str]:
    """The hash of the newest block of each stream, empty for none."""
    heads = dict.fromkeys(verify.STREAMS, "")
    for block in seals:
        heads[block["stream"]] = block["hash"]
    return heads


def _microseconds(at: datetime | None) -> int | None:
    """Microseconds since 1970, exactly: a float of seconds would lose the last digit."""
    if at is None:
        return None
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _entry(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
