"""The examples of /openapi.json: one story, the same batch of ten mugs in every answer, told field by field.

A field is looked up under its schema (`ItemOut.status`) or the address of its operation (`/v1/ledger.type`), then under
its name alone. A field that gives its own example keeps it; one that nobody gives an example fails the test of the
document, as do an example that its schema refuses and a field without a description.
"""

from collections.abc import Iterator
from typing import Any, Final

BATCH = "bat_01m7y7ar27xbx1ym9x17zb8bhs"
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
HOOK = "https://hooks.example.com/videos"
PARAMS = {"prompt": "A ceramic mug on a wooden table, morning light", "aspect": "1:1", "seconds": 4}
CREATED_AT, COMPLETED_AT = "2026-01-24T09:58:12Z", "2026-01-24T10:00:00Z"

EXAMPLES: Final[dict[str, Any]] = {
    # what many answers share
    "ok": True, "next": "412", "limit": 50, "cursor": "412", "format": "json", "unit": "CREDIT",
    "request_id": "order-123", "created_at": CREATED_AT, "completed_at": COMPLETED_AT, "at": CREATED_AT,
    "url": HOOK, "webhook_url": HOOK, "bytes": 184320, "sha256": HASH, "size_bytes": 184320,
    "content_type": "image/png", "expires_at": "2026-02-23T10:00:00Z", "error": "",
    "url_expires_at": "2026-01-24T10:15:00Z",
    # errors
    "ErrorOut.ok": False, "code": "insufficient_credits", "details": {"needed": 100, "available": 40},
    "message": "This needs 100 credits and the wallet holds 40. Nothing was reserved.",
    "ErrorBody.request_id": "req_01m7y7b1v4b7x0c6r2d8f5g9hj",
    # batches and items
    "batch_id": BATCH,
    "BatchCreatedOut.status": "pending", "BatchBody.status": "completed", "BatchOut.status": "completed",
    "/v1/batches.status": "completed", "/v1/batches/{batch_id}/items.status": "succeeded",
    "/v1/batches.items": [{"params": PARAMS, "metadata": {"sku": "MUG-01"}}],
    "/v1/batches.params": PARAMS,
    "/v1/batches.batch": '{"request_id": "order-123", "items": [{"params": {"prompt": "A mug", "image": "@mug"}}]}',
    "total": 10, "pending": 0, "running": 0, "succeeded": 9, "failed": 1, "cancelled": 3,
    "reserved": 100, "settled": 90, "refunded": 10, "in_flight": 0, "WebhookOut.status": "delivered",
    "item_id": "itm_01m7y7ar2a0c4v8w1e5r9t3y6u", "position": 1, "ItemOut.status": "succeeded", "failure_reason": None,
    "hint": None, "params": PARAMS, "metadata": {"sku": "MUG-01"}, "fingerprint": HASH, "progress": 100,
    "prompt": PARAMS["prompt"], "image": "file_01m7y7ar2a0c4v8w1e5r9t3y6u", "aspect": "1:1", "platform": "instagram",
    "seconds": 4, "duration": 4, "StepOut.status": "succeeded", "OutputOut.url": "https://videos.example.com/files/AbC",
    "media_sha256": HASH,
    # uploads
    "file_id": "file_01m7y7ar2a0c4v8w1e5r9t3y6u", "upload_id": "upl_01m7y7ar2a0c4v8w1e5r9t3y6u",
    "direct": {"method": "PUT", "url": "https://storage.example.com/upload/AbC", "headers": {}},
    # the ledger
    "available": 210, "held": 0, "id": "jrn_7d0c52b9e8a14f6390bd21c7f4", "type": "settle", "ref_type": "batch_item",
    "ref_id": BATCH,
    "entry": "Settled (success)", "credits_delta": 0, "amount": 10, "LedgerRowOut.description": "Video 3 of order-123",
    "since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", "/v1/ledger.cursor": "MjAyNi0wMS0yNFQx",
    "LedgerOut.next": "MjAyNi0wMS0yNFQx", "StatementRowOut.description": "Settled (success)",
    "from": "2026-01", "to": "2026-02", "StatementOut.from": "2025-12-31T23:00:00Z",
    "StatementOut.to": "2026-01-31T23:00:00Z", "timezone": "Europe/Copenhagen", "balance": 210,
    "cut": "cut_h6kGv0m4QnYw3sLrT9xZb2dJpKcE8uFa1VtXoRiMgNqS5yWl7jBe", "opening": {"available": 0, "held": 0},
    "closing": {"available": 210, "held": 0}, "/v1/ledger/statement.cursor": "MjAyNi0wMS0yNFQx",
    "StatementOut.next": "MjAyNi0wMS0yNFQx", "balanced": True, "ref": BATCH, "HeldOut.held": 20,
    "age_s": 108, "what": "batch without its reservation", "TimelinessOut.entries": 41, "late": 0, "longest_s": 0.004,
    "pilot_id": "pil_01m7y7ar27xbx1ym9x17zb8bhs",
    # deals
    "account_id": "bnk_01m7y7ar27xbx1ym9x17zb8bhs", "/v1/deal-terms/{name}.name": "MN_USED_CAR_PRIVATE",
    "/v1/deal-terms/{name}.version": 1,
    "deal_id": "deal_01m7y7ar27xbx1ym9x17zb8bhs", "/v1/deals.state": "INSPECTION", "search": "Prius",
    # webhooks
    "endpoint_id": "we_01m7y7b1v4b7x0c6r2d8f5g9hj", "description": "Production", "status": "active", "reason": "",
    "EndpointBody.mode": "live", "EndpointOut.mode": "live", "EndpointCreatedOut.mode": "live",
    "/v1/webhooks.mode": "live",
    "overlap_until": None, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "overlap_hours": 24,
    "LastOut.status": 200, "delivery_id": "dlv_01m7y7b1v4b7x0c6r2d8f5g9hj", "event": "batch.completed",
    "event_id": "evt_01m7y7b1v4b7x0c6r2d8f5g9hj", "origin": "event", "DeliveryBody.status": "delivered",
    "/v1/webhook-deliveries.status": "delivered", "DeliveryBody.attempts": 1, "next_attempt_at": None,
    "ended_at": COMPLETED_AT, "last_status": 200, "last_error": "", "number": 1, "ms": 84, "AttemptBody.status": 200,
    "AttemptBody.message": "", "excerpt": "ok", "body_sha256": HASH,
}  # fmt: skip


def fill_examples(document: dict[str, Any]) -> None:
    """Give every field and parameter of an OpenAPI 3.1 document its example, in place."""
    for owner, name, field in fields_of(document):
        if "example" in field:
            field["examples"] = [field.pop("example")]
        for key in (f"{owner}.{name}", name):
            if "examples" not in field and key in EXAMPLES and not refers(field):
                field["examples"] = [EXAMPLES[key]]


def fields_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(owner, name, schema) of each field and parameter; the owner is a schema's name or an operation's address."""
    for name, schema in document["components"]["schemas"].items():
        yield from _properties(name, schema)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                schema = parameter["schema"]
                schema.setdefault("description", parameter.get("description", ""))
                yield path, parameter["name"], schema
            yield from _properties(path, operation.get("requestBody", {}))


def refers(field: dict[str, Any]) -> bool:
    """Whether the field is, or is a list of, or may be, another documented schema, whose fields have the examples."""
    return "$ref" in field or "$ref" in str([field.get("items"), field.get("anyOf"), field.get("allOf")])


def _properties(owner: str, value: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if isinstance(value, dict):
        properties = value.get("properties", {})
        for name, field in properties.items():
            yield owner, name, field
        for inner in value.values():
            yield from _properties(owner, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _properties(owner, inner)
