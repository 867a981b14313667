"""Judges a received `batch.completed` field by field against the ledger, the batch and its pinned terms.

The values that we state are read again from their sources: counts and amounts from the ledger's own transfers, price
from the terms to which the batch is pinned. The body that was sent is only compared as bytes, never believed.
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.ledger.queries import BatchEntries, batch_entries
from pilothouse.kernel.outbox.models import Message, SigningSecret
from pilothouse.kernel.outbox.secrets_at_rest import signing_key
from pilothouse.kernel.outbox.signing import signature
from pilothouse.kernel.terms.queries import by_hash

from .commands import access_batch
from .lifecycle import COMPLETED_EVENT
from .limits import RECEIPT_MAX_BYTES
from .models import Batch
from .prices import KIND

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
HEADERS_MAX_CHARACTERS = 8_000
MISSING = object()


class ReceiptUnreadable(InvalidInput):
    """What was given is not the body of a batch.completed."""

    code = "receipt_unreadable"


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what the body says, what we have, where ours comes from, and whether they are the same."""

    field: str
    given: str
    ours: str
    source: str
    same: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The batch, its lines, and what is known of the bytes and of the signature (None: not asked)."""

    batch: Batch
    lines: list[Line]
    bytes_same: bool | None
    signed: bool | None
    signed_note: str

    @property
    def all_same(self) -> bool:
        """Whether every field is as we have it, and the signature, where it was given, is ours."""
        return all(line.same for line in self.lines) and self.signed is not False


def read_body(raw: bytes) -> dict[str, Any]:
    """The body as an object with a batch_id. Raises ReceiptUnreadable with a sentence for the person."""
    if len(raw) > RECEIPT_MAX_BYTES:
        raise ReceiptUnreadable(reason=_("This is larger than any webhook that we send."))
    try:
        found = json.loads(raw)
        # Half a surrogate can neither be looked up nor shown.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ReceiptUnreadable(
            reason=_("This is not JSON. Give the body exactly as your endpoint received it.")
        ) from None
    if not isinstance(found, dict):
        raise ReceiptUnreadable(reason=_("A webhook's body is one JSON object."))
    if not isinstance(found.get("batch_id"), str):
        raise ReceiptUnreadable(reason=_("It has no batch_id, so it is not the body of a batch.completed."))
    return found


def judge(raw: bytes, headers: str = "") -> Verdict:
    """Compare a body with what we have, in the open tenant's scope.

    Raises ReceiptUnreadable, or NotFound for a batch that this account does not have, whoever may have it.
    """
    given = read_body(raw)
    batch = access_batch(given["batch_id"].replace("\x00", "?"))
    entries = batch_entries(batch.tenant_id, batch.public_id)
    price = int(by_hash(KIND, batch.terms_hash).body["cost_per_video"])
    sent = Message.objects.filter(subject_kind="batch", subject_id=batch.id, type=COMPLETED_EVENT).first()
    signed, note = _signed(headers, raw, batch.tenant_id)
    return Verdict(
        batch,
        _lines(given, batch, entries, price),
        None if sent is None else bytes(sent.body) == raw,
        signed,
        note,
    )


def _lines(given: dict[str, Any], batch: Batch, entries: BatchEntries, price: int) -> list[Line]:
    ended = clock.iso(batch.completed_at) if batch.completed_at else None
    of_batch, of_ledger, of_terms = _("the batch"), _("the ledger"), _("the pinned price")
    expected: list[tuple[str, Any, str]] = [
        ("event", COMPLETED_EVENT if ended else None, of_batch),
        ("batch_id", batch.public_id, of_batch),
        ("request_id", batch.request_id, of_batch),
        ("summary.total", batch.total, of_batch),
        ("summary.succeeded", entries.settles, of_ledger),
        ("summary.failed", entries.refunds, of_ledger),
        ("ledger.reserved", entries.reserved, of_ledger),
        ("ledger.settled", entries.settled, of_ledger),
        ("ledger.refunded", entries.refunded, of_ledger),
        ("timestamp", ended, of_batch),
    ]
    lines = [_line(name, _at(given, name), ours, source) for name, ours, source in expected]
    total, reserved = _at(given, "summary.total"), _at(given, "ledger.reserved")
    cost = total * price if type(total) is int else MISSING
    lines.append(
        Line(f"{price} × summary.total", _shown(cost), _shown(entries.reserved), of_terms, cost == entries.reserved)
    )
    parts = [_at(given, name) for name in ("ledger.settled", "ledger.refunded")]
    whole = sum(parts) if all(type(part) is int for part in parts) else MISSING
    lines.append(
        Line(
            "ledger.settled + ledger.refunded",
            _shown(whole),
            _shown(reserved),
            _("its own sum"),
            type(reserved) is int and whole == reserved,
        )
    )
    known = {name.partition(".")[0] for name, _ours, _source in expected}
    lines += [Line(str(name), _shown(given[name]), "—", of_batch, False) for name in given if name not in known]
    return lines


def _line(name: str, value: Any, ours: Any, source: str) -> Line:
    # 1 and true are equal in Python; a body that says true for a count is not ours.
    same = value is not MISSING and type(value) is type(ours) and value == ours
    return Line(name, _shown(value), _shown(ours), source, same)


def _at(given: dict[str, Any], name: str) -> Any:
    value: Any = given
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return MISSING
        value = value[key]
    return value


def _shown(value: Any) -> str:
    if value is MISSING:
        return _("missing")
    if value is None:
        return "—"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _signed(text: str, raw: bytes, tenant: int) -> tuple[bool | None, str]:
    """Whether one of the tenant's live secrets made the signature; None when no headers were given."""
    if not text.strip():
        return None, ""
    pairs = [line.partition(":") for line in text.splitlines()]
    headers = {name.strip().lower(): value.strip() for name, _colon, value in pairs}
    absent = [name for name in HEADERS if not headers.get(name)]
    if absent:
        return False, _("These headers are missing: %(names)s.") % {"names": ", ".join(absent)}
    stamp = headers["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 19):
        return False, _("webhook-timestamp is a number of seconds.")
    made = [signature(key, headers["webhook-id"], int(stamp), raw) for key in _keys(tenant)]
    tokens = headers["webhook-signature"].split()
    if any(hmac.compare_digest(token.encode(), ours.encode()) for token in tokens for ours in made):
        return True, _("Made with a secret of this account over exactly these bytes.")
    return False, _("No present secret of this account makes it over these bytes. Give the body unchanged.")


def _keys(tenant: int) -> Sequence[bytes]:
    secrets = SigningSecret.objects.filter(tenant_id=tenant)
    sealed = [one for secret in secrets for one in (secret.sealed, *(older["sealed"] for older in secret.previous))]
    return [signing_key(one) for one in sealed]
