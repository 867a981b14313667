"""What templates show of batches and items: the customer's fields only, never a provider's."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.files.links import signed_path
from pilothouse.kernel.lifecycle.queries import timeline
from pilothouse.kernel.outbox.queries import webhook_statuses
from pilothouse.ui.links import actor_words

from . import limits
from .addresses import item_url
from .lifecycle import COMPLETED_EVENT
from .models import Batch
from .queries import counts, history, money, outcome, webhook_status

OUTCOME_LABELS = {
    "all_succeeded": gettext_lazy("All finished"),
    "partial": gettext_lazy("Partly finished"),
    "all_failed": gettext_lazy("All failed"),
}
SORT_LABELS = {
    "newest": gettext_lazy("Newest first"),
    "oldest": gettext_lazy("Oldest first"),
    "largest": gettext_lazy("Largest first"),
}

# What happened, what it cost and what to do now, for each of the failure reasons that customers see.
FAILURE_SENTENCES = {
    "timeout": gettext_lazy(
        "It was not ready in time. Nothing is wrong with the request: send it again in a new batch."
    ),
    "param_error": gettext_lazy(
        "Its prompt or image was refused. Change the prompt or the image, then send it in a new batch."
    ),
    "model_error": gettext_lazy("The rendering failed on our side. Send it again in a new batch."),
    "cancelled": gettext_lazy("It was cancelled before it began."),
}


def batch(row: Row, told: Mapping[int, Row]) -> dict[str, Any]:
    """One batch as the pages show it."""
    status = webhook_status(row, told)
    message = told.get(row["id"], {})
    return {
        "public_id": row["public_id"],
        "request_id": row["request_id"],
        "state": row["state"],
        "outcome": outcome(row),
        "mode": row["mode"],
        "created_at": row["created_at"],
        "completed_at": row["completed_at"],
        "total": row["total"],
        "cost": row["cost"],
        "unit": row["unit"],
        "counts": counts(row),
        "ledger": money(row),
        "webhook": {
            "url": row["webhook_url"] or (_("Your active endpoints") if status != "none" else None),
            "status": status,
            "attempts": message.get("attempts", 0),
        },
        "fingerprint": row["fingerprint"],
        "settled_for_good": row["state"] == "completed" and status != "pending",
    }


def webhooks(of: Batch) -> dict[int, Row]:
    """What became of the batch's message."""
    return webhook_statuses("batch", [of.id], COMPLETED_EVENT)


def item(row: Row, batch_id: str) -> dict[str, Any]:
    """One item as the pages show it, with a link to its video while that is kept."""
    life_s = limits.OUTPUT_LINK_S
    return {
        "public_id": row["public_id"],
        "url": item_url(batch_id, row["public_id"]),
        "position": row["position"],
        "status": row["state"],
        "failure_reason": row["failure_reason"],
        "prompt": row["params"]["prompt"],
        "aspect": row["params"]["aspect"],
        "seconds": row["params"]["seconds"],
        "metadata": row["metadata"],
        "fingerprint": row["fingerprint"],
        "history": history(row),
        "output_url": signed_path(row["tenant"], row["output"], life_s=life_s) if row["kept"] else "",
        "download_url": signed_path(row["tenant"], row["output"], life_s=life_s, download=True) if row["kept"] else "",
        "output_bytes": row["output_bytes"],
        "output_expires_at": row["output_expires_at"],
        "media_sha256": row["media_sha256"],
    }


def gate(row: Row | None) -> dict[str, Any] | None:
    """A closed gate as the notice shows it."""
    return None if row is None else {"name": row["mode"], "reason": row["reason"], "since": row["closed_at"]}


def batch_events(of: Batch) -> list[dict[str, Any]]:
    """The batch's own timeline, newest first, one sentence each with the credits it moved."""
    return [
        {"at": row["at"], "actor": actor_words(row["actor"]), "type": row["type"], **_sentence(row)}
        for row in timeline("batch", [of.id], "customer")
    ]


def _sentence(row: Row) -> dict[str, Any]:
    data = row["data"]
    match row["type"]:
        case "create":
            count = data["items"]
            text = ngettext("Accepted with %(n)s video", "Accepted with %(n)s videos", count) % {"n": count}
            return {"sentence": text, "amount": -data["reserved"]}
        case "start":
            return {"sentence": _("The first videos were dispatched"), "amount": None}
        case "cancel_request":
            count = data["items"]
            text = ngettext("Cancel asked; %(n)s video was waiting", "Cancel asked; %(n)s videos were waiting", count)
            return {"sentence": text % {"n": count}, "amount": None}
        case "finish":
            text = _("Completed: %(good)s finished, %(bad)s failed") % {
                "good": data["succeeded"],
                "bad": data["failed"],
            }
            return {"sentence": text, "amount": data["refunded"] or None}
        case "parity_proof":
            text = _("Compared with %(other)s as a proof of parity: %(state)s")
            return {"sentence": text % {"other": data["first"], "state": data["state"]}, "amount": None}
    return {"sentence": row["type"].replace("_", " "), "amount": None}
