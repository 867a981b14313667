"""Verbs on batches for customers: create and cancel. The API, the pages and the demo call these same functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id, new_ids
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements, run
from pilothouse.kernel.files.commands import keep_files
from pilothouse.kernel.files.models import File
from pilothouse.kernel.ledger.commands import grant, open_balances, request_hash
from pilothouse.kernel.ledger.errors import InsufficientCredits
from pilothouse.kernel.ledger.models import CREDIT, TEST
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events
from pilothouse.kernel.outbox.endpoints import check_webhook_url
from pilothouse.kernel.watch.queries import refuse_if_paused

from . import limits
from .endings import end_pending
from .errors import BatchCompleted, BatchSize, ImageRefused, RequestIdConflict, RequestInFlight
from .fingerprint import as_given, batch_fingerprint, canonical, item_fingerprint, versions
from .intake import NewItem
from .models import Batch
from .prices import price_in_force

SQL = Statements(__file__)
PROGRAM_NAME = "video"


@dataclass(frozen=True, slots=True)
class Created:
    """The answer to a create: the batch's public id, and whether an earlier request had made it."""

    batch_id: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An uploaded image: the hash of its content, and whether its bytes are still kept."""

    sha256: str
    kept: bool


def create_batch(
    request_id: str,
    items: Sequence[NewItem],
    *,
    webhook_url: str | None = None,
    entry: str = "api",
    mode: str = "live",
    kind: str = "enterprise",
) -> Created:
    """Create a batch in the open tenant's scope, once for each (tenant, request_id).

    1. One creator at a time for a request_id; a twin in flight is told to come back.
    2. The same body again gets the first answer; another body is refused with the first batch's id.
    3. Gates, size, address, images and price are checked; then a cheap look at the wallet.
    4. One statement writes batch, items, reservation, deadline and event. The wallet's CHECK decides.

    Raises RequestInFlight, RequestIdConflict, Paused, BatchSize, ImageRefused, WebhookUrlRefused or
    InsufficientCredits; nothing is reserved then.
    """
    scope = current_scope()
    assert scope.tenant is not None
    files = _images(items)
    digest = request_hash(_body(items, files, webhook_url, mode))
    _one_at_a_time(scope.tenant, request_id)
    (known,) = SQL.rows("accept_request", tenant=scope.tenant, request_id=request_id)
    if known["public_id"] is not None:
        if known["request_hash"] != digest:
            raise RequestIdConflict(request_id=request_id, batch_id=known["public_id"])
        return Created(known["public_id"], replayed=True)
    refuse_if_paused(PROGRAM_NAME, scope.tenant)
    minimum, maximum = (1, 1) if kind == "studio" else _size_limits(known["settings"])
    if not minimum <= len(items) <= maximum:
        raise BatchSize(minimum=minimum, maximum=maximum, given=len(items))
    if webhook_url is not None:
        check_webhook_url(webhook_url)
    hashes = _image_hashes(items, files)
    batch = _insert(request_id, digest, items, hashes, webhook_url=webhook_url, entry=entry, mode=mode, kind=kind)
    return Created(batch, replayed=False)


def _body(
    items: Sequence[NewItem], files: Mapping[str, ImageFile], webhook_url: str | None, mode: str
) -> dict[str, Any]:
    """What must be the same for a replay. An image counts by its content: the same bytes sent again are the same."""
    return {
        "webhook_url": webhook_url,
        "mode": mode,
        "items": [
            {
                "params": item.params,
                "image": files[item.image].sha256 if item.image and item.image in files else item.image,
                "metadata": item.metadata,
            }
            for item in items
        ],
    }


def _one_at_a_time(tenant: int, request_id: str) -> None:
    (row,) = run(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 7210502)) AS taken",
        [f"create batch {tenant} {request_id}"],
    )
    if not row["taken"]:
        wait = limits.IN_FLIGHT_RETRY_AFTER_S
        raise RequestInFlight(headers={"Retry-After": str(wait)}, retry_after_s=wait)


def batch_size_limits(tenant: int) -> tuple[int, int]:
    """The fewest and the most items of a batch of this tenant; its settings may lift a pilot's 10 to 50."""
    (row,) = run("SELECT settings FROM tenant WHERE id = %s", [tenant])
    return _size_limits(row["settings"])


def _size_limits(given: Mapping[str, Any]) -> tuple[int, int]:
    minimum = int(given.get("batch_items_min", limits.PILOT_BATCH_ITEMS_MIN_COUNT))
    maximum = int(given.get("batch_items_max", limits.PILOT_BATCH_ITEMS_MAX_COUNT))
    return minimum, min(maximum, settings.BATCH_ITEMS_MAX_COUNT)


def set_batch_limits(tenant: int, minimum: int, maximum: int) -> None:
    """Set a tenant's batch size, with an event on its timeline; InvalidInput beyond BATCH_ITEMS_MAX_COUNT."""
    if not 1 <= minimum <= maximum <= settings.BATCH_ITEMS_MAX_COUNT:
        raise InvalidInput(
            reason=f"A batch has 1 to {settings.BATCH_ITEMS_MAX_COUNT} items, and its fewest are not above its most."
        )
    row = Tenant.objects.select_for_update().get(id=tenant)
    row.settings = {**row.settings, "batch_items_min": minimum, "batch_items_max": maximum}
    row.save(update_fields=["settings"])
    append_events(
        [NewEvent(tenant, "tenant", tenant, "set_batch_limits", data={"minimum": minimum, "maximum": maximum})]
    )


def refuse_too_many(tenant: int, request_id: str, given: int) -> None:
    """Refuse more items than a batch of the tenant may have. A request that was accepted once may always be repeated.

    Raises BatchSize.
    """
    if not Batch.objects.filter(tenant_id=tenant, request_id=request_id).exists():
        minimum, maximum = batch_size_limits(tenant)
        if given > maximum:
            raise BatchSize(minimum=minimum, maximum=maximum, given=given)


def _images(items: Sequence[NewItem]) -> dict[str, ImageFile]:
    wanted = {item.image for item in items if item.image is not None}
    if not wanted:
        return {}
    rows = File.objects.filter(public_id__in=wanted, kind="image").values_list("public_id", "sha256", "state")
    return {public_id: ImageFile(sha256, state == "stored") for public_id, sha256, state in rows}


def _image_hashes(items: Sequence[NewItem], files: Mapping[str, ImageFile]) -> list[str | None]:
    """The content hash of each item's image. The images are kept until the batch has ended, and INPUT_KEPT_DAYS on."""
    kept_days = settings.INPUT_KEPT_DAYS + limits.BATCH_DEADLINE_S / SECONDS_PER_DAY
    kept = keep_files([id_ for id_, file in files.items() if file.kept], kept_days) if files else set()
    for index, item in enumerate(items):
        if item.image is not None and item.image not in kept:
            raise ImageRefused(index=index, image=item.image)
    return [files[item.image].sha256 if item.image is not None else None for item in items]


def _insert(
    request_id: str,
    digest: str,
    items: Sequence[NewItem],
    hashes: Sequence[str | None],
    *,
    webhook_url: str | None,
    entry: str,
    mode: str,
    kind: str,
) -> str:
    scope = current_scope()
    assert scope.tenant is not None
    unit = TEST if mode == "test" else CREDIT
    price = price_in_force()
    cost = int(price.body["cost_per_video"])
    needed = len(items) * cost
    public_id = new_id("bat")
    (wallet, available), (held, _), (earned, _) = open_balances(
        scope.tenant, [("wallet", "", unit), ("held", "", unit), ("credits_earned", "", unit)]
    )
    if mode == "test":
        # A test key's wallet has no value: what it needs is issued with the batch.
        grant(scope.tenant, needed, "adjustment", f"Test credits for {public_id}", test=True)
    elif available < needed:
        raise InsufficientCredits(needed=needed, available=available)
    under = versions()
    fingerprints = [item_fingerprint(item.params, image, under) for item, image in zip(items, hashes, strict=True)]
    given, given_sha256 = as_given(
        [(item.given or item.params, image) for item, image in zip(items, hashes, strict=True)]
    )
    try:
        with transaction.atomic(using=scope.alias):
            SQL.execute(
                "create_batch",
                tenant=scope.tenant,
                public_id=public_id,
                kind=kind,
                mode=mode,
                request_id=request_id,
                request_hash=digest,
                entry=entry,
                actor=scope.actor,
                unit=unit,
                cost=cost,
                terms_hash=price.hash,
                fingerprint=batch_fingerprint(fingerprints, price.hash, under),
                versions=canonical(under),
                webhook_url=webhook_url,
                total=len(items),
                wallet=wallet,
                held=held,
                earned=earned,
                deadline_s=limits.BATCH_DEADLINE_S,
                item_ids=new_ids("itm", len(items)),
                params=[canonical(item.params) for item in items],
                metadata=[canonical(item.metadata) for item in items],
                images=[item.image for item in items],
                image_hashes=list(hashes),
                fingerprints=fingerprints,
                given=given,
                given_sha256=given_sha256,
            )
    except IntegrityError as error:
        if "account_floor" in str(error):
            raise InsufficientCredits(needed=needed, available=balance(scope.tenant, unit).available) from error
        raise
    return public_id


def access_batch(public_id: str, mode: str | None = None) -> Batch:
    """A batch of the open tenant; NotFound for any other, and for one of another mode than a key works in."""
    batch = Batch.objects.filter(public_id=public_id).first()
    if batch is None or mode not in (None, batch.mode):
        raise NotFound(what="batch")
    return batch


def cancel_batch(public_id: str, mode: str | None = None) -> int:
    """Cancel the items of a batch that were not dispatched; their credits return at once. Returns how many.

    Items that run go on to their end. Cancelling twice cancels what is left. Raises BatchCompleted.
    """
    batch = access_batch(public_id, mode)
    if batch.state == "completed":
        raise BatchCompleted(batch_id=public_id)
    # Items first, then the batch: the lock order of everything that ends items.
    waiting = SQL.rows("open_items", batches=[batch.id], states=["pending"])
    SQL.execute("request_cancel", batch=batch.id)
    append_events([NewEvent(batch.tenant_id, "batch", batch.id, "cancel_request", data={"items": len(waiting)})])
    return end_pending([batch.id], reason="cancelled", claim=new_id("cancel")).count
