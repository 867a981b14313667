"""Parity of two batches, field by field (requirement C19): pure comparison, no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pilothouse.kernel.base.sql import Row

from .fingerprint import batch_fingerprint, item_fingerprint

# The embedded renderer: the one provider that gives the same bytes for the same input.
REPEATABLE_PROVIDER = "local"
VERSION_FIELDS = ("routing_policy", "failure_map", "payload_schema", "renderer")


@dataclass(frozen=True, slots=True)
class ParitySide:
    """One of two batches: its row and its items by position."""

    batch: Row
    items: list[Row]


@dataclass(frozen=True, slots=True)
class Compared:
    """One field on both sides. `counts` is False for what the fingerprint leaves out on purpose."""

    name: str
    a: str
    b: str
    counts: bool = True

    @property
    def equal(self) -> bool:
        """Whether both sides say the same."""
        return self.a == self.b


@dataclass(frozen=True, slots=True)
class ComparedItem:
    """One position on both sides: fingerprints, what differs, and the bytes where they can be compared."""

    position: int
    a: Row | None
    b: Row | None
    differences: tuple[str, ...]
    media: str

    @property
    def equal(self) -> bool:
        """Whether both fingerprints are there and the same."""
        return self.a is not None and self.b is not None and self.a["fingerprint"] == self.b["fingerprint"]


@dataclass(frozen=True, slots=True)
class Parity:
    """The verdict on two batches: pass, fail, insufficient (still running) or inconclusive (another pipeline)."""

    state: str
    sentence: str
    fields: list[Compared]
    items: list[ComparedItem]
    media_equal: int
    media_compared: int


def compare(a: ParitySide, b: ParitySide) -> Parity:
    """Compare two batches.

    The stored fingerprints are also computed again from the stored parameters, so that a stored hash alone proves
    nothing. Media count where both sides were made by the embedded provider.
    """
    fields = _fields(a, b)
    count = max(len(a.items), len(b.items))
    items = [_item(position, _at(a, position), _at(b, position), a, b) for position in range(count)]
    same_media = sum(item.media == "equal" for item in items)
    other_media = sum(item.media == "different" for item in items)
    state, sentence = _verdict(a, b, fields, items, other_media)
    return Parity(state, sentence, fields, items, same_media, same_media + other_media)


def _at(side: ParitySide, position: int) -> Row | None:
    return side.items[position] if position < len(side.items) else None


def _fields(a: ParitySide, b: ParitySide) -> list[Compared]:
    def both(name: str, key: str, *, counts: bool = True) -> Compared:
        return Compared(name, _text(a.batch[key]), _text(b.batch[key]), counts)

    versions = [
        Compared(name, _text(a.batch["versions"].get(name)), _text(b.batch["versions"].get(name)))
        for name in ("ledger_rule", *VERSION_FIELDS)
    ]
    return [
        both("batch fingerprint", "fingerprint"),
        Compared("computed again", _again(a), _again(b)),
        both("price terms", "terms_hash"),
        *versions,
        both("videos", "total"),
        both("entry point", "entry", counts=False),
        both("account", "tenant_name", counts=False),
        both("wallet", "unit", counts=False),
        both("providers", "providers", counts=False),
        both("succeeded", "succeeded_count", counts=False),
        both("failed", "failed_count", counts=False),
    ]


def _again(side: ParitySide) -> str:
    under = side.batch["versions"]
    if len(side.items) < side.batch["total"]:
        return str(side.batch["fingerprint"])
    prints = [item_fingerprint(item["params"], item["image_sha256"], under) for item in side.items]
    return batch_fingerprint(prints, side.batch["terms_hash"], under)


def _item(position: int, a: Row | None, b: Row | None, left: ParitySide, right: ParitySide) -> ComparedItem:
    if a is None or b is None:
        return ComparedItem(position, a, b, ("there is no such video on one side",), "none")
    mine, other = _decides(a, left.batch["versions"]), _decides(b, right.batch["versions"])
    names = dict.fromkeys([*mine, *other])
    differences = tuple(
        f"{name}: {_text(mine.get(name))} / {_text(other.get(name))}"
        for name in names
        if mine.get(name) != other.get(name)
    )
    return ComparedItem(position, a, b, differences, _media(a, b))


def _decides(item: Row, versions: Mapping[str, Any]) -> dict[str, Any]:
    """All that an item's fingerprint is made of, by name."""
    return {**item["params"], "image": item["image_sha256"], **{name: versions.get(name) for name in VERSION_FIELDS}}


def _media(a: Row, b: Row) -> str:
    if a["fingerprint"] != b["fingerprint"] or a["state"] != "succeeded" or b["state"] != "succeeded":
        return "none"
    if a["provider"] != REPEATABLE_PROVIDER or b["provider"] != REPEATABLE_PROVIDER:
        return "outside"
    return "equal" if a["media_sha256"] == b["media_sha256"] else "different"


def _verdict(
    a: ParitySide, b: ParitySide, fields: list[Compared], items: list[ComparedItem], other_media: int
) -> tuple[str, str]:
    for side in (a, b):
        if _again(side) != side.batch["fingerprint"]:
            return "fail", f"{side.batch['public_id']} stores a fingerprint that is not the one of its parameters."
    if other_media:
        return "fail", f"{other_media} videos of the embedded provider differ in their bytes."
    if a.batch["versions"] != b.batch["versions"]:
        return "inconclusive", "The two batches ran under different versions of the pipeline: this is no divergence."
    if a.batch["fingerprint"] != b.batch["fingerprint"]:
        different = sum(not item.equal for item in items)
        asked = sum(bool(item.differences) for item in items)
        if asked or a.batch["terms_hash"] != b.batch["terms_hash"]:
            return "inconclusive", f"They asked for different things: {different} videos or the price differ."
        return "fail", "The same parameters have different fingerprints: the pipeline diverges."
    if a.batch["state"] != "completed" or b.batch["state"] != "completed":
        return "insufficient", "Both fingerprints are equal. The videos are still being made; their bytes come next."
    return "pass", "One pipeline: both fingerprints are equal, field by field."


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
