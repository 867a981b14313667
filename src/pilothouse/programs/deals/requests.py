"""Carries a request out once for each Idempotency-Key, within one deal and one kind of command (rule K4)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput, RequestIdConflict, RequestInFlight
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.ledger.commands import request_hash

from . import limits
from .models import DealRequest

SQL = Statements(__file__)
KEY = re.compile(rf"[\x21-\x7e]{{1,{limits.IDEMPOTENCY_KEY_MAX_CHARACTERS}}}")


def checked_key(key: str | None) -> str | None:
    """The header's value, or None when it is absent."""
    if key is not None and not KEY.fullmatch(key):
        raise InvalidInput(
            reason="Idempotency-Key has 1 to"
            f" {limits.IDEMPOTENCY_KEY_MAX_CHARACTERS} visible ASCII characters without spaces."
        )
    return key


def once(
    deal: str, kind: str, key: str | None, person: int, body: Mapping[str, Any], run: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """(the answer, whether it was given before). Without a key the command simply runs.

    `deal` is where the key counts: one deal, or a person's own requests (`api_calls.own`). The answer is kept in the
    command's own transaction. The caller has shown that this deal is the person's. Another body or another person under
    the same key raises RequestIdConflict, a twin that is still at work RequestInFlight.
    """
    if key is None:
        return run(), False
    tenant = current_scope().tenant
    assert tenant is not None
    held = SQL.one("request_lock", name=f"{tenant} {deal} {kind} {key}")
    if held is None or not held["held"]:
        wait_s = limits.IN_FLIGHT_RETRY_S
        raise RequestInFlight(headers={"Retry-After": str(wait_s)}, retry_after_s=wait_s)
    digest = request_hash({"person": person, "body": body})
    before = DealRequest.objects.filter(deal=deal, kind=kind, key=key).first()
    if before is not None:
        if before.request_hash != digest:
            raise RequestIdConflict(key=key, first=before.answer.get("deal_id") or deal)
        return before.answer, True
    answer = run()
    DealRequest.objects.create(
        tenant_id=tenant, deal=deal, kind=kind, key=key, request_hash=digest,
        # A one-time secret is shown once and stored nowhere.
        answer={name: None if name == "invitation" else value for name, value in answer.items()},
        person_id=person, at=clock.business_now(),
    )  # fmt: skip
    return answer, False
