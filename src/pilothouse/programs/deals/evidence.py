"""Files that the two sides put forward: checked by content, without the place where they were taken, and kept."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, InvalidInput, NotFound
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.files.commands import StoredObject, discard_objects, record_files, store_file
from pilothouse.kernel.files.content import IMAGES, MP4, PDF, FileType
from pilothouse.kernel.files.models import File
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events

from . import limits
from .commands import access_deal
from .errors import EvidenceClosed
from .models import ClaimLine, Deal, Dispute, Evidence
from .thumbnails import store_thumbnails

SQL = Statements(__file__)
PURPOSE = "evidence"
# What may stand for each type of evidence; a paper may be photographed.
ACCEPTED: dict[str, tuple[FileType, ...]] = {
    "PHOTO": tuple(IMAGES),
    "ODOMETER_PHOTO": tuple(IMAGES),
    "DOCUMENT": (PDF, *IMAGES),
    "VIDEO": (MP4,),
}


def upload(public_id: str, person: int, *, kind: str, source: BinaryIO | Iterable[bytes] | bytes, name: str) -> str:
    """Store a file for a deal; returns its public id, to be named where it is put forward.

    Images are kept as their pixels only: no place, no camera. Raises FileTypeRefused, FileTooLarge or ImageRefused.
    """
    deal, _side = access_deal(public_id, person)
    if kind not in ACCEPTED:
        raise InvalidInput(reason=f"Evidence is one of {', '.join(sorted(ACCEPTED))}.")
    stored = store_file(source, accepted=ACCEPTED[kind], purpose=f"{PURPOSE}:{deal.public_id}", name=name, clean=True)
    return str(stored.public_id)


@contextmanager
def kept(stored: StoredObject, deal: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """Give the API a function that makes the row of a file already in the storage, and says what it is.

    When it was not called, because the request came before or was refused, the object is removed.
    """
    made = False

    def keep() -> dict[str, Any]:
        nonlocal made
        record_files([stored], purpose=f"{PURPOSE}:{deal}")
        made = True
        return {
            "ok": True,
            "file_id": stored.public_id,
            "sha256": stored.sha256,
            "content_type": stored.file_type.content_type,
            "bytes": stored.size_bytes,
        }

    try:
        yield keep
    except BaseException:
        made = False
        raise
    finally:
        if not made:
            discard_objects([stored])


def add(
    public_id: str, person: int, *, purpose: str, kind: str, file: str, line: int | None = None, caption: str = ""
) -> Evidence:
    """Put an uploaded file forward: for the item or the handover, or for line `line` of the dispute."""
    deal, side = access_deal(public_id, person, lock=True)
    if purpose == "item":
        allowed = deal.state == "DRAFT" and side == deal.creator_side
    elif purpose == "handover":
        allowed = deal.state == "FUNDED" and (side == "seller") == (deal.handover_filed_at is None)
    else:
        allowed = deal.state == "ISSUE" and purpose == ("claim" if side == "buyer" else "response")
    if not allowed:
        raise Conflict(reason="Nothing can be added here now.")
    claim_line = _line(deal, line) if purpose in ("claim", "response") else None
    (made,) = attach(deal, person, side, purpose, [Piece(kind, file, claim_line, caption)])
    return made


def _line(deal: Deal, position: int | None) -> ClaimLine:
    dispute = Dispute.objects.select_for_update().get(deal=deal)
    row = SQL.one("evidence_window", dispute=dispute.id, before_s=limits.EVIDENCE_CLOSES_BEFORE_S)
    if row is None or row["is_over"]:
        raise EvidenceClosed(
            closed_at=(dispute.due_at - timedelta(seconds=limits.EVIDENCE_CLOSES_BEFORE_S)).isoformat()
        )
    line = ClaimLine.objects.filter(dispute=dispute, position=position or 0).first()
    if line is None:
        raise NotFound(what="claim line")
    return line


@dataclass(frozen=True, slots=True)
class Piece:
    """One uploaded file to put forward: the type for which it stands, and the claim line that it is about."""

    type: str
    file: str
    line: ClaimLine | None = None
    caption: str = ""


def attach(deal: Deal, person: int, side: str, purpose: str, pieces: Sequence[Piece]) -> list[Evidence]:
    """Write a set of evidence; the deal's row is locked. Raises NotFound or InvalidInput, and nothing is written."""
    named = File.objects.filter(public_id__in={piece.file for piece in pieces}, state="stored")
    files = {file.public_id: file for file in named.filter(purpose=f"{PURPOSE}:{deal.public_id}")}
    for piece in pieces:
        _check_piece(piece, files.get(piece.file))
    thumbnails = store_thumbnails([files[piece.file] for piece in pieces])
    now = clock.business_now()
    # What stands for a claim is sealed with the dispute's timeline; the deal room shows the files themselves.
    told = [[piece.line.code, piece.type] for piece in pieces if piece.line is not None]
    if told:
        data = {"side": side, "deal": deal.public_id, "pieces": told}
        dispute = next(piece.line.dispute_id for piece in pieces if piece.line is not None)
        append_events([NewEvent(deal.tenant_id, "dispute", dispute, "evidence", data=data)])
    return Evidence.objects.bulk_create(
        Evidence(
            tenant_id=deal.tenant_id,
            deal=deal,
            line=piece.line,
            purpose=purpose,
            side=side,
            type=piece.type,
            file=files[piece.file],
            thumbnail_id=thumbnail,
            caption=piece.caption.strip(),
            added_by_id=person,
            added_at=now,
        )
        for piece, thumbnail in zip(pieces, thumbnails, strict=True)
    )


def _check_piece(piece: Piece, file: File | None) -> None:
    if file is None:
        raise NotFound(what="uploaded file")
    if piece.type not in ACCEPTED or file.content_type not in {each.content_type for each in ACCEPTED[piece.type]}:
        raise InvalidInput(reason=_("This file cannot stand for %(kind)s.") % {"kind": piece.type})
    if "\x00" in piece.caption or len(piece.caption) > limits.FIELD_MAX_CHARACTERS:
        raise InvalidInput(
            reason=_("A caption has at most %(count)s characters.") % {"count": limits.FIELD_MAX_CHARACTERS}
        )
