"""Verbs by which operators move credits by hand: ask, approve, refuse, take a grant back.

One operator may move GRANT_ONE_PERSON_MAX_CREDITS of one tenant within GRANT_WINDOW_HOURS, summed over all grants and
reversals; what goes beyond waits for a second one. The schema holds it, whatever this module forgets: who asks and who
answers are operators, they are two people, and the money moves in the statement that says so. Each verb runs in an
operator's or the worker's scope and takes the operator's user id.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

from django.db import Error, transaction

from pilothouse.kernel.base.errors import Forbidden, InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements, sqlstate

from .commands import BOUND_SQLSTATE, beyond_the_day, check_grant, request_hash
from .errors import GrantRefused, InsufficientCredits, KeyConflict, NotReversible, SecondOperatorNeeded
from .lifecycle import GRANT_REQUEST
from .limits import (
    GRANT_ONE_PERSON_MAX_CREDITS,
    GRANT_REQUEST_LIFE_S,
    GRANT_TEXT_MAX_CHARACTERS,
    GRANT_WINDOW_HOURS,
)
from .models import CREDIT, TEST
from .queries import balance

SQL = Statements(__file__)
NO_OPERATOR_SQLSTATE = "PH403"
POSTED_OTHERWISE_SQLSTATE = "PH409"


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a wish to move credits.

    `state` is `granted` or `approved` when the credits have moved (`journal` is the ledger's entry), `requested` while
    a second operator has to answer, or `refused`. `request` is empty for a grant that stands from before there was a
    request, by SQL or by a machine. `replayed` says that an earlier call had done the same.
    """

    request: str
    state: str
    tenant: int
    amount: int
    unit: str
    journal: int | None
    replayed: bool


def request_grant(
    operator: int, tenant: int, amount: int, source: str, description: str, *, unit: str = CREDIT
) -> Asked:
    """Grant credits, or ask a second operator to approve them when one person's day does not hold them.

    Once for each (tenant, unit, source, description): asked again the same is answered; with another amount it raises
    KeyConflict. A refused or expired request may be asked for again. Raises GrantRefused, NotFound, Forbidden.
    """
    check_grant(amount, source, description)
    if unit not in (CREDIT, TEST):
        raise GrantRefused(reason=f"Credits are of the unit {CREDIT} or {TEST}, not {unit!r}.")
    wanted = {"kind": "grant", "unit": unit, "amount": amount, "source": source, "description": description}
    digest = request_hash({"amount": amount, "source": source, "unit": unit, "description": description})
    return _ask(operator, tenant, f"grant:{unit}:{source}:{description}", digest, {**wanted, "reverses": None})


def grant_by_shell(tenant: int, amount: int, source: str, description: str) -> Asked:
    """Grant credits as whoever has a shell on the host, within one person's day (operators' scope).

    It goes through the door of a grant by SQL, so that the journal says so. Once for each (tenant, source,
    description): asked again the same is answered. Raises GrantRefused and KeyConflict.
    """
    check_grant(amount, source, description)
    key, wanted = f"grant:{CREDIT}:{source}:{description}", {"amount": amount, "unit": CREDIT}
    digest = request_hash({"amount": amount, "source": source, "unit": CREDIT, "description": description})
    known = _known(tenant, key, digest, wanted)
    if known is not None:
        return known
    if amount > GRANT_ONE_PERSON_MAX_CREDITS:
        raise beyond_the_day()
    try:
        with transaction.atomic(using=current_scope().alias):
            SQL.execute("grant_by_sql", tenant=tenant, amount=amount, source=source, description=description)
    except Error as error:
        if sqlstate(error) == BOUND_SQLSTATE:
            raise beyond_the_day(error) from error
        # A twin granted the same at this moment.
        known = _known(tenant, key, digest, wanted)
        if known is None:
            raise
        return known
    journal = SQL.one("journal_of_key", tenant=tenant, key=key)
    assert journal is not None
    return Asked("", "granted", tenant, amount, CREDIT, journal["id"], replayed=False)


def request_reversal(operator: int, tenant: int, journal: int, reason: str) -> Asked:
    """Take a grant back, or ask a second operator, under the same rule; once for each journal, whatever the reason.

    Raises NotFound, NotReversible for what is no grant, and InsufficientCredits when the credits are spent or held.
    """
    reason = _words(reason)
    found = SQL.one("journal_to_reverse", tenant=tenant, journal=journal)
    if found is None:
        raise NotFound(what="journal with transfers")
    if found["kind"] != "grant":
        raise NotReversible(journal=journal, kind=found["kind"], ref_id=found["ref_id"])
    wanted = {
        "kind": "reverse", "unit": found["unit"], "amount": found["amount"], "source": "adjustment",
        "description": reason, "reverses": journal,
    }  # fmt: skip
    return _ask(operator, tenant, f"reverse:{found['key']}", request_hash({"journal": journal}), wanted)


def approve_grant(operator: int, request: str) -> Asked:
    """Approve a waiting request (public id) as a second operator: the credits move at once.

    Approving again as the same person answers the same. Raises NotFound, SecondOperatorNeeded for the one who asked,
    TransitionRefused when it was answered otherwise, InsufficientCredits for a reversal of credits that are spent.
    """
    return _answer(operator, request, "approve", "approved", "")


def refuse_grant(operator: int, request: str, reason: str) -> Asked:
    """Refuse a waiting request, or withdraw one's own; nothing moves. Raises NotFound or TransitionRefused."""
    return _answer(operator, request, "refuse", "refused", _words(reason))


def grant_requests(
    state: str | None = None, *, tenant: int | None = None, search: str = "", count: int = 50, skip: int = 0
) -> list[Row]:
    """Requests, newest first: {public_id, tenant, tenant_id, tenant_name, kind, unit, amount, source, description,
    state, asked_by, asked_by_email, asked_at, expires_at, decided_by, decided_by_email, decided_at, answer, journal,
    entry, reverses, reversed}.
    """
    return _read(state=state, tenant=tenant, search=search, count=count, skip=skip)


def allowance(tenant: int) -> int:
    """Credits that one operator may still move of this tenant today without a second one."""
    row = SQL.one("one_person_moved", tenant=tenant, operator=None, hours=GRANT_WINDOW_HOURS)
    assert row is not None
    return max(0, GRANT_ONE_PERSON_MAX_CREDITS - int(row["credits"]))


def _ask(operator: int, tenant: int, key: str, digest: str, wanted: dict[str, Any]) -> Asked:
    """1. Answer what stands under the key. 2. Post it alone while one person's day holds it. 3. Else let it wait."""
    _require_operator(operator, tenant)
    known = _known(tenant, key, digest, wanted)
    if known is not None:
        return known
    alone = wanted["unit"] == TEST or wanted["amount"] <= allowance(tenant)
    for state in ("granted", "requested") if alone else ("requested",):
        params = {"operator": operator, "tenant": tenant, "key": key, "state": state, "life_s": GRANT_REQUEST_LIFE_S}
        try:
            with transaction.atomic(using=current_scope().alias):
                row = SQL.one("insert_grant_request", public_id=new_id("grq"), **params, **wanted)
        except Error as error:
            if sqlstate(error) == BOUND_SQLSTATE and state == "granted":
                # A twin took the rest of the day at this moment.
                continue
            # A twin asked for the same at this moment.
            known = _known(tenant, key, digest, wanted)
            if known is None:
                _raise_known(error, tenant, wanted)
            return known
        assert row is not None
        return _shown(row["public_id"], replayed=False)
    raise GrantRefused(reason="The request could not be written. Nothing was done.")


def _answer(operator: int, request: str, event: str, state: str, answer: str) -> Asked:
    rows = _read(public_id=request)
    if not rows:
        raise NotFound(what="grant request")
    (row,) = rows
    _require_operator(operator, row["tenant"])
    if (row["state"], row["decided_by"]) == (state, operator):
        return _shown(request, replayed=True)
    if GRANT_REQUEST.find(event, row["state"]) is None:
        raise GRANT_REQUEST.refusal(event, row["state"])
    if state == "approved" and operator == row["asked_by"]:
        raise SecondOperatorNeeded(asked_by=row["asked_by_email"])
    try:
        with transaction.atomic(using=current_scope().alias):
            done = SQL.one("answer_grant_request", public_id=request, operator=operator, state=state, answer=answer)
    except Error as error:
        _raise_known(error, row["tenant"], row)
    if done is None:
        raise GRANT_REQUEST.refusal(event, _read(public_id=request)[0]["state"])
    return _shown(request, replayed=False)


def _require_operator(operator: int, tenant: int) -> None:
    row = SQL.one("one_person_moved", tenant=tenant, operator=operator, hours=GRANT_WINDOW_HOURS)
    if row is None or row["operator"] is None:
        raise Forbidden(needed="an operator's account")


def _known(tenant: int, key: str, digest: str, wanted: dict[str, Any]) -> Asked | None:
    rows = _read(tenant=tenant, key=key, count=1)
    if rows:
        if rows[0]["amount"] != wanted["amount"]:
            raise KeyConflict(key=key)
        return _shown(rows[0]["public_id"], replayed=True)
    journal = SQL.one("journal_of_key", tenant=tenant, key=key)
    if journal is None:
        return None
    if journal["request_hash"] != digest:
        raise KeyConflict(key=key)
    return Asked("", "granted", tenant, wanted["amount"], wanted["unit"], journal["id"], replayed=True)


def _shown(request: str, *, replayed: bool) -> Asked:
    (row,) = _read(public_id=request)
    return Asked(request, row["state"], row["tenant"], row["amount"], row["unit"], row["journal"], replayed)


def _read(**filters: Any) -> list[Row]:
    nothing = {"tenant": None, "state": None, "public_id": None, "key": None, "search": "", "count": 50, "skip": 0}
    return SQL.rows("grant_requests", **{**nothing, **filters})


def _words(reason: str) -> str:
    reason = reason.strip()
    if not 0 < len(reason) <= GRANT_TEXT_MAX_CHARACTERS or "\x00" in reason:
        raise InvalidInput(reason=f"Say why, in 1 to {GRANT_TEXT_MAX_CHARACTERS} characters.")
    return reason


def _raise_known(error: Error, tenant: int, wanted: Any) -> NoReturn:
    """Say a refusal of the schema as the error that it is, else raise what came."""
    if "account_floor" in str(error):
        raise InsufficientCredits(
            needed=wanted["amount"], available=balance(tenant, wanted["unit"]).available
        ) from error
    if sqlstate(error) == NO_OPERATOR_SQLSTATE:
        raise Forbidden(needed="an operator's account") from error
    if sqlstate(error) == POSTED_OTHERWISE_SQLSTATE:
        raise GrantRefused(reason="This was posted before, in another way. Nothing was moved.") from error
    raise error
