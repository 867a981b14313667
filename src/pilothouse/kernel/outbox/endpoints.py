"""Verbs on endpoints: create, change, pause, switch off, rotate the secret. All in a tenant's scope."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.addresses import check_url
from pilothouse.kernel.base.errors import Conflict, InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply

from . import limits
from .errors import TooManyEndpoints
from .lifecycle import ENDPOINT
from .models import Endpoint
from .secrets_at_rest import create_secret, default_secret, rotate, show

SQL = Statements(__file__)


@dataclass(frozen=True, slots=True)
class CreatedEndpoint:
    """A new endpoint, and its secret, which is shown this once."""

    endpoint: Endpoint
    secret: str


def access_endpoint(public_id: str) -> Endpoint:
    """A registered endpoint of the open scope's tenant. Raises NotFound, also for a deleted one."""
    if "\0" in public_id:
        raise NotFound(what="webhook endpoint")
    found = Endpoint.objects.filter(public_id=public_id, kind="registered").exclude(state="deleted").first()
    if found is None:
        raise NotFound(what="webhook endpoint")
    return found


def check_webhook_url(url: str) -> None:
    """Refuse an address that nothing will be sent to. Raises WebhookUrlRefused with one plain sentence."""
    check_url(url, settings.WEBHOOK_ALLOW_LOCAL)


def create_endpoint(url: str, description: str = "", *, mode: str = "live", shown: bool = True) -> CreatedEndpoint:
    """Register an address that gets every message of the tenant from now on: of live batches, or of `test` ones.

    With `shown` the caller shows the secret now; otherwise `show_secret` does it, once. Raises WebhookUrlRefused or
    TooManyEndpoints.
    """
    check_webhook_url(url)
    tenant = _tenant()
    if Endpoint.objects.filter(kind="registered").exclude(state="deleted").count() >= limits.ENDPOINTS_PER_TENANT_MAX:
        raise TooManyEndpoints(max_count=limits.ENDPOINTS_PER_TENANT_MAX)
    endpoint_id, secret = insert_endpoint(tenant, url, _description(description), mode=mode, shown=shown)
    _tell(endpoint_id, tenant, "create", url=url)
    return CreatedEndpoint(Endpoint.objects.get(id=endpoint_id), secret)


def insert_endpoint(
    tenant: int, url: str, description: str = "", *, mode: str = "live", shown: bool = True
) -> tuple[int, str]:
    """The row of a registered endpoint whose address was judged by the caller; (its key, its secret)."""
    made = create_secret(tenant, shown=shown)
    if made is None:
        raise Conflict(reason="The secret could not be made; try again.")
    secret_id, secret = made
    return _insert(tenant, "registered", url, description, secret_id, mode), secret


def lock_endpoints(tenant: int) -> None:
    """Let those who add or change endpoints of a tenant pass one after the other until the transaction ends."""
    SQL.rows("lock_tenant", tenant=tenant)


def update_endpoint(public_id: str, *, url: str | None = None, description: str | None = None) -> Endpoint:
    """Change the address or the description. Deliveries that are open go to the new address."""
    endpoint = access_endpoint(public_id)
    if url is not None:
        check_webhook_url(url)
    changed = {
        name: value
        for name, value in (("url", url), ("description", None if description is None else _description(description)))
        if value is not None
    }
    if changed:
        Endpoint.objects.filter(id=endpoint.id).update(**changed, changed_at=clock.business_now())
        _tell(endpoint.id, endpoint.tenant_id, "update", **changed)
    return access_endpoint(public_id)


def pause_endpoint(public_id: str, *, role: str = "customer") -> Endpoint:
    """Hold back what is due; it is kept for DELIVERY_LIFE_HOURS and sent on resume."""
    return _move(public_id, "pause", role, reason="Paused by the account.")


def resume_endpoint(public_id: str, *, role: str = "customer") -> Endpoint:
    """Send again, also to an endpoint that was disabled; its breaker starts afresh."""
    return _move(public_id, "resume", role, reason="", failures=0, trips=0, closed_until=None)


def disable_endpoint(public_id: str, reason: str) -> Endpoint:
    """Switch an endpoint off as an operator; what is due to it ends undelivered and can be replayed."""
    endpoint = _move(public_id, "disable", "operator", reason=reason)
    abort_open([endpoint.id], "endpoint_disabled")
    return endpoint


def delete_endpoint(public_id: str, *, role: str = "customer") -> None:
    """Remove an endpoint; its history stays, what is due to it ends undelivered."""
    endpoint = access_endpoint(public_id)
    _move(public_id, "delete", role, reason="Deleted by the account.")
    abort_open([endpoint.id], "endpoint_deleted")


def rotate_secret(public_id: str, *, seen: str | None = None, shown: bool = True) -> str:
    """A new secret, shown this once; the old one signs beside it for SECRET_OVERLAP_HOURS.

    `seen` and `shown` are those of `secrets_at_rest.rotate`.
    """
    endpoint = access_endpoint(public_id)
    secret = rotate(endpoint.secret_id, seen=seen, shown=shown)
    _tell(endpoint.id, endpoint.tenant_id, "rotate_secret", overlap_hours=limits.SECRET_OVERLAP_HOURS)
    return secret


def show_secret(public_id: str) -> str:
    """The secret of an endpoint, to the first who asks. Raises NotFound or SecretShown."""
    endpoint = access_endpoint(public_id)
    secret = show(endpoint.secret_id)
    _tell(endpoint.id, endpoint.tenant_id, "show_secret")
    return secret


def ensure_adhoc(pairs: Iterable[tuple[int, str]]) -> None:
    """Make the hidden endpoints of (tenant, address) pairs that batches name, once for each pair.

    An address that was switched off and is named again is switched on. The address is not judged here: that is done
    when the batch is created (`check_webhook_url`) and again by the sender, and a batch must be able to end.
    """
    wanted = sorted(set(pairs))
    if not wanted:
        return
    tenants, urls = [tenant for tenant, _ in wanted], [url for _, url in wanted]
    missing = SQL.rows("missing_adhoc", tenants=tenants, urls=urls)
    for row in sorted(missing, key=lambda row: (row["tenant"], row["url"])):
        _insert(row["tenant"], "adhoc", row["url"], "", default_secret(row["tenant"]).id)
    off = Endpoint.objects.filter(tenant_id__in=tenants, url__in=urls, kind="adhoc", state="disabled")
    named_again = [endpoint.id for endpoint in off if (endpoint.tenant_id, endpoint.url) in wanted]
    if named_again:
        apply(
            ENDPOINT,
            "resume",
            named_again,
            role="customer",
            strict=False,
            changes={"reason": "", "failures": 0, "trips": 0, "closed_until": None},
        )


def abort_open(endpoints: Sequence[int], reason: str) -> int:
    """End the open deliveries of these endpoints; returns how many."""
    rows = SQL.rows("abort_deliveries", endpoints=list(endpoints), deliveries=[], reason=reason)
    append_events([NewEvent(row["tenant"], "delivery", row["id"], "abort", data={"reason": reason}) for row in rows])
    return len(rows)


def _insert(tenant: int, kind: str, url: str, description: str, secret_id: int, mode: str = "live") -> int:
    row = SQL.one(
        "create_endpoint",
        public_id=new_id("we"),
        tenant=tenant,
        kind=kind,
        mode=mode,
        url=url,
        description=description,
        secret=secret_id,
        actor=current_scope().actor,
    )
    if row is not None:
        return int(row["id"])
    return Endpoint.objects.get(tenant_id=tenant, kind=kind, url=url).id


def _move(public_id: str, event: str, role: str, **changes: object) -> Endpoint:
    endpoint = access_endpoint(public_id)
    apply(ENDPOINT, event, [endpoint.id], role=role, changes={**changes, "changed_at": clock.business_now()})
    return Endpoint.objects.get(id=endpoint.id)


def _tell(endpoint_id: int, tenant: int, type_: str, **data: object) -> None:
    """A timeline event that changes no state. The row is locked first: events of one subject are numbered."""
    Endpoint.objects.select_for_update(no_key=True).get(id=endpoint_id)
    append_events([NewEvent(tenant, ENDPOINT.name, endpoint_id, type_, data=data)])


def _description(text: str) -> str:
    if "\0" in text or len(text) > limits.DESCRIPTION_MAX_CHARACTERS:
        raise InvalidInput(reason=f"A description has at most {limits.DESCRIPTION_MAX_CHARACTERS} characters.")
    return text


def _tenant() -> int:
    tenant = current_scope().tenant
    if tenant is None:
        raise InvalidInput(reason="An endpoint belongs to one tenant; open a tenant's scope.")
    return tenant
