"""Verbs that move money. Programs post their own sets in one statement; these serve what is posted one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, transaction

from pilothouse.kernel.base.canonical import canonical_sha256
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements, sqlstate

from .errors import (
    AlreadyEnded,
    AlreadyReversed,
    GrantRefused,
    InsufficientCredits,
    KeyConflict,
    NotReversible,
    UnsignedGrantsFull,
)
from .limits import (
    GRANT_MAX_CREDITS,
    GRANT_ONE_PERSON_MAX_CREDITS,
    GRANT_TEXT_MAX_CHARACTERS,
    GRANT_UNSIGNED_MAX_CREDITS,
    GRANT_WINDOW_HOURS,
)
from .models import CREDIT, TEST
from .queries import balance

SQL = Statements(__file__)
REVERSIBLE_KINDS = ("grant",)
GRANT_SOURCES = ("pilot_grant", "purchase", "adjustment")
FLOOR_CONSTRAINT = "account_floor"
BOUND_SQLSTATE = "PH004"
UNSIGNED_CONSTRAINT = "grants_unsigned_day"


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer of a journal: `amount` from the account `debit` to the account `credit`."""

    debit: int
    credit: int
    amount: int
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """A journal that stands in the ledger; `replayed` when the same command had posted it before."""

    journal: int
    replayed: bool


def request_hash(request: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a request: sorted keys, no spaces, UTF-8."""
    return canonical_sha256(request, default=str)


def open_accounts(tenant: int, wanted: Sequence[tuple[str, str, str]]) -> list[int]:
    """Ids of the accounts (kind, ref, unit) of a tenant, opened where they are missing, in the order given."""
    return [id_ for id_, _ in open_balances(tenant, wanted)]


def open_balances(tenant: int, wanted: Sequence[tuple[str, str, str]]) -> list[tuple[int, int]]:
    """As `open_accounts`, each id with what the account holds: credits - debits in its unit."""
    params = {
        "tenant": tenant,
        "kinds": [kind for kind, _, _ in wanted],
        "refs": [ref for _, ref, _ in wanted],
        "units": [unit for _, _, unit in wanted],
    }
    found = SQL.rows("open_accounts", **params)
    if any(row["id"] is None for row in found):
        # A twin opened one between our look and our insert; its row is visible to the next statement.
        found = SQL.rows("open_accounts", **params)
    return [(row["id"], row["holds"]) for row in found]


def post(
    tenant: int,
    key: str,
    kind: str,
    legs: Sequence[Leg],
    *,
    request: Mapping[str, Any],
    ref_type: str,
    ref_id: str = "",
    request_id: str = "",
    description: str = "",
    terms_hash: str = "",
    reverses: int | None = None,
    actor: str = "",
) -> Posted:
    """Post one journal with its transfers, once for each (tenant, key), for ever.

    The same key with the same request returns the journal that stands; with another request it raises KeyConflict.
    Raises GrantRefused beyond one person's day, UnsignedGrantsFull beyond nobody's, InsufficientCredits when an account
    would go below its floor, AlreadyEnded for an item that was reserved or ended before, AlreadyReversed for a second
    reversal under another key.
    In each refusal nothing has moved.
    """
    digest = request_hash(request)
    try:
        with transaction.atomic(using=current_scope().alias):
            row = SQL.one(
                "post",
                tenant=tenant,
                key=key,
                request_hash=digest,
                kind=kind,
                ref_type=ref_type,
                ref_id=ref_id,
                request_id=request_id,
                description=description,
                terms_hash=terms_hash,
                actor=actor or current_scope().actor,
                reverses=reverses,
                debits=[leg.debit for leg in legs],
                credits=[leg.credit for leg in legs],
                amounts=[leg.amount for leg in legs],
                items=[leg.item for leg in legs],
            )
    except DatabaseError as error:
        if sqlstate(error) == BOUND_SQLSTATE:
            raise beyond_the_day(error) from error
        if FLOOR_CONSTRAINT in str(error):
            needed = sum(leg.amount for leg in legs)
            raise InsufficientCredits(needed=needed, available=balance(tenant).available) from error
        # A twin with our key may be met on either of the two unique indexes.
        if "journal_reversed_once" in str(error) and not _stands(tenant, key, digest):
            raise AlreadyReversed(journal=reverses) from error
        if "transfer_terminal_once" in str(error) or "transfer_reserve_once" in str(error):
            raise AlreadyEnded(kind=kind) from error
        if "journal_reversed_once" not in str(error):
            raise
        row = None
    if row is not None:
        return Posted(row["id"], replayed=False)
    known = SQL.one("journal_of_key", tenant=tenant, key=key)
    if known is None or known["request_hash"] != digest:
        raise KeyConflict(key=key)
    return Posted(known["id"], replayed=True)


def beyond_the_day(error: Exception | None = None) -> GrantRefused | UnsignedGrantsFull:
    """The refusal of a grant by the schema: one person's day of an account, or that of grants in nobody's name."""
    diagnosis = getattr(error.__cause__ if error else None, "diag", None)
    if diagnosis is not None and diagnosis.constraint_name == UNSIGNED_CONSTRAINT:
        return UnsignedGrantsFull(most=GRANT_UNSIGNED_MAX_CREDITS, hours=GRANT_WINDOW_HOURS)
    return GrantRefused(
        reason=f"Without a second operator no more than {GRANT_ONE_PERSON_MAX_CREDITS} credits of one account "
        f"are granted or taken back within {GRANT_WINDOW_HOURS} hours. Nothing was moved."
    )


def _stands(tenant: int, key: str, digest: str) -> bool:
    known = SQL.one("journal_of_key", tenant=tenant, key=key)
    return known is not None and known["request_hash"] == digest


def check_grant(amount: int, source: str, description: str) -> None:
    """Raise GrantRefused for what is no grant, whoever asks for it."""
    if source not in GRANT_SOURCES:
        raise GrantRefused(reason=f"Credits can come from {', '.join(GRANT_SOURCES)}, not from {source!r}.")
    if not 0 < amount <= GRANT_MAX_CREDITS:
        raise GrantRefused(reason=f"A grant is between 1 and {GRANT_MAX_CREDITS} credits, not {amount}.")
    if not 0 < len(description) <= GRANT_TEXT_MAX_CHARACTERS or "\x00" in description:
        raise GrantRefused(reason=f"A grant needs a description of 1 to {GRANT_TEXT_MAX_CHARACTERS} characters.")


def grant(tenant: int, amount: int, source: str, description: str, *, test: bool = False) -> Posted:
    """Create spendable credits with a source (`pilot_grant`, `purchase`, `adjustment`) in nobody's name: the worker's.

    Idempotent on (unit, source, description): a second run of a runbook is refused, not doubled, when its amount
    differs, and replayed when it is the same. Beyond what one may move of a tenant in a day, and beyond what is granted
    in nobody's name over all tenants, it is refused: people ask by `grants.request_grant`. A tenant's own scope may
    create test credits only; they have no value.
    """
    check_grant(amount, source, description)
    unit = TEST if test else CREDIT
    issued, wallet = open_accounts(tenant, [("credits_issued", "", unit), ("wallet", "", unit)])
    return post(
        tenant,
        f"grant:{unit}:{source}:{description}",
        "grant",
        [Leg(issued, wallet, amount)],
        request={"amount": amount, "source": source, "unit": unit, "description": description},
        ref_type=source,
        description=description,
    )


def reverse(tenant: int, journal: int, reason: str) -> Posted:
    """Correct a journal by a new one with every leg turned round; the old rows stay.

    A journal is reversed once: asked again, the reversal that stands is answered (`replayed`). The floors hold for the
    reversal too. Only a grant can be reversed (NotReversible): what belongs to an item of work is ended by that work
    alone, or the item would be paid for twice, and a reversal made in error is put right by a new grant.
    """
    legs = SQL.rows("legs_of_journal", tenant=tenant, journal=journal)
    if not legs:
        raise NotFound(what="journal with transfers")
    if legs[0]["kind"] not in REVERSIBLE_KINDS:
        raise NotReversible(journal=journal, kind=legs[0]["kind"], ref_id=legs[0]["ref_id"])
    return post(
        tenant,
        f"reverse:{legs[0]['key']}",
        "reverse",
        [Leg(row["credit"], row["debit"], row["amount"]) for row in legs],
        request={"journal": journal},
        ref_type="adjustment",
        ref_id=legs[0]["entry"],
        description=reason,
        reverses=journal,
    )
