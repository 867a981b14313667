"""Seals: the history of money and of events in hashed blocks, taken off the hot path.

Each (tenant, stream) has a chain of blocks. A block holds all rows of the finished transactions [from_tx, to_tx): no
row can appear below `to_tx` later, whatever order ids were drawn in. The streams are `ledger` (a journal with its
transfers is one row) and `timeline` (an event is one row).

**Format 1.** A row's text is a JSON array as PostgreSQL's `jsonb` writes it (UTF-8, `", "` between members, no other
space, only control characters, quote and backslash escaped). Instants are microseconds since 1970 in UTC.

- journal: `["journal", 1, id, tenant, idempotency_key, request_hash, kind, ref_type, ref_id, request_id, description,
  terms_hash, effective_at, recorded_at, actor, reverses, tx, [transfer, …]]`, transfers by id, each
  `[id, tenant, kind, amount, item, debit, debit's kind, ref, unit, credit, credit's kind, ref, unit]`
- event: `["event", 1, id, tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data as text,
  visibility, tx]`

A leaf is the SHA-256 of that text. A block's hash is the SHA-256, in hex, of its own text, a line feed and its leaves
(32 bytes each) in the order of the rows' ids; the own text is `["block", 1, tenant, stream, n, from_tx, to_tx, rows,
first_id, last_id, previous, sealed_at]`, where `previous` is the hash of block n − 1, empty for the first.

Who owns the database can rewrite rows and hash the chain again; so heads are exported, signed, to a folder that the
database's owner cannot write, and `verify` compares with the newest one.
"""

import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.canonical import canonical_json
from pilothouse.kernel.base.scope import scope_or_none, scoped_connection, worker_scope
from pilothouse.kernel.base.sql import Row, Statements

from .errors import HeadsUnreadable
from .limits import SEAL_BLOCK_MAX_ROWS, SEAL_FOR_EXPORT_MAX_PASSES, SEAL_FORMAT, SEAL_HEADS_EVERY_S

SQL = Statements(__file__)
STREAMS = ("ledger", "timeline")
SIGNATURE = "signature"

PROBLEMS = {
    "block_missing": "a block before this one is missing",
    "link_broken": "this block does not continue the block before it",
    "rows_deleted": "rows of this block were deleted",
    "rows_inserted": "rows were inserted below the sealed point",
    "rows_changed": "rows of this block, or its seal, were changed",
    "tail_truncated": "the chain ends before the block that was exported",
    "head_differs": "this block is not the one that was exported",
}


@dataclass(frozen=True, slots=True)
class BrokenBlock:
    """A block that is not what was sealed: whose, in which stream, which number, and the problem's name.

    Number 0 stands for rows that lie in no block though the stream was sealed above them.
    """

    tenant: str
    stream: str
    n: int
    problem: str

    def __str__(self) -> str:
        return f"{self.tenant} {self.stream} block {self.n}: {PROBLEMS[self.problem]}"


def seal(limit: int = SEAL_BLOCK_MAX_ROWS) -> list[Row]:
    """Seal what is finished, in passes of about `limit` rows of a stream; the new blocks as
    {tenant, stream, n, rows, hash}.

    1. Take the sealing lock for this transaction; when another worker holds it, there is nothing to do.
    2. In a new snapshot, taken after the lock, write one block for each tenant with rows below the horizon.
    3. Commit, and go on until a pass finds no row.
    """
    sealed: list[Row] = []
    for stream in STREAMS:
        while True:
            with worker_scope("seal"):
                if not (SQL.one("seal_lock") or {}).get("mine"):
                    return sealed
                blocks = SQL.rows("seal", stream=stream, limit=limit, format=SEAL_FORMAT)
            if not blocks:
                break
            sealed += blocks
    return sealed


def seal_for_export() -> None:
    """Seal the money that is finished before it is exported, in the open scope; another one's sealing is waited for."""
    SQL.rows("seal_now", limit=SEAL_BLOCK_MAX_ROWS, format=SEAL_FORMAT, passes=SEAL_FOR_EXPORT_MAX_PASSES)


def seal_and_export() -> None:
    """What a worker does now and then: seal, and export the heads when the newest export has become old."""
    seal()
    with worker_scope("seal"):
        newest = newest_heads(head_folder())
    old = newest is None or clock.now().timestamp() - newest.stat().st_mtime > SEAL_HEADS_EVERY_S
    if old:
        export_heads()


def head_folder() -> Path:
    """Where heads are exported: SEAL_HEAD_FOLDER or DATA/seals, one folder for each database."""
    root = Path(settings.SEAL_HEAD_FOLDER or settings.DATA / "seals")
    return root / str(scoped_connection().settings_dict["NAME"])


def export_heads(folder: Path | None = None) -> Path:
    """Write the ends of all chains as one signed JSON file that is never overwritten; returns its path.

    {"format", "exported_at", "heads": [{"tenant", "stream", "n", "hash", "to_tx"}], "signature"}, the signature being
    the HMAC-SHA256, with a key derived from SECRET_KEY, of the same JSON without it (sorted keys, no spaces).
    """
    with worker_scope("seal"):
        target = folder or head_folder()
        heads = SQL.rows("seal_heads")
    body: dict[str, Any] = {"format": SEAL_FORMAT, "exported_at": clock.now().isoformat(), "heads": heads}
    body[SIGNATURE] = _signature(body, settings.SECRET_KEY)
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"heads-{clock.now().strftime('%Y%m%dT%H%M%S%fZ')}.json"
    partial = path.with_suffix(".partial")
    with partial.open("x", encoding="utf-8") as file:
        json.dump(body, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    # A link fails where a file stands already, so an older head can never be replaced.
    os.link(partial, path)
    partial.unlink()
    return path


def read_heads(path: Path) -> list[Row]:
    """The heads of an exported file. Raises HeadsUnreadable when it was changed or signed by another installation."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        given = str(body.pop(SIGNATURE))
        heads = [{name: head[name] for name in ("tenant", "stream", "n", "hash")} for head in body["heads"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise HeadsUnreadable(path=str(path), why="cannot be read") from None
    keys = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    if not any(hmac.compare_digest(given, _signature(body, key)) for key in keys):
        raise HeadsUnreadable(path=str(path), why="was not signed by this installation")
    return heads


def newest_heads(folder: Path) -> Path | None:
    """The newest exported file of a folder, or None."""
    return max(folder.glob("heads-*.json"), default=None)


def verify(tenant: int | None = None, heads: Path | None = None) -> list[BrokenBlock]:
    """Hash again what the blocks of one tenant (or of all) hold; each broken block, empty when all is as sealed.

    `heads` is an exported file, or a folder whose newest file counts; by default the folder of `export_heads`. Runs in
    the open scope when there is one. Raises HeadsUnreadable.
    """
    if scope_or_none() is None:
        with worker_scope("seal"):
            return verify(tenant, heads)
    broken = [
        BrokenBlock(row["public_id"] or str(row["tenant"]), row["stream"], row["n"], row["problem"])
        for row in SQL.rows("seal_problems", tenant=tenant)
    ]
    source = heads or head_folder()
    path = newest_heads(source) if source.is_dir() else source if source.is_file() else None
    if path is None:
        if heads is not None:
            raise HeadsUnreadable(path=str(heads), why="holds no exported heads")
        return broken
    exported = read_heads(path)
    differing = SQL.rows(
        "seal_at",
        tenants=[head["tenant"] for head in exported],
        streams=[head["stream"] for head in exported],
        numbers=[head["n"] for head in exported],
        hashes=[head["hash"] for head in exported],
        only=tenant,
    )
    return broken + [
        BrokenBlock(row["tenant"], row["stream"], row["n"], "head_differs" if row["found"] else "tail_truncated")
        for row in differing
    ]


def _signature(body: dict[str, Any], secret_key: str) -> str:
    key = hmac.new(secret_key.encode(), b"pilothouse seal heads", hashlib.sha256).digest()
    return hmac.new(key, canonical_json(body).encode(), hashlib.sha256).hexdigest()
