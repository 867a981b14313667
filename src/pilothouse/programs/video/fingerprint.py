"""The pipeline fingerprint (requirement C19): what must be equal when two entry points do the same work.

An item's fingerprint is SHA-256 over the canonical JSON of its normalised parameters, its image's content hash and the
versions of everything that decides the result. A batch's is over its items' in order, the price terms and the ledger
rule version. Never in it: the entry point, the tenant, the provider chosen, attempts, time, the number of failures.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .providers.reasons import FAILURE_MAP_VERSION
from .providers.render import RENDERER_VERSION
from .providers.routing import ROUTING_POLICY_VERSION

# Of what a request is normalised to (`intake.normalised`) and of what the message about it says.
PAYLOAD_SCHEMA_VERSION = 1
LEDGER_RULE_VERSION = 1
_encoder = msgspec.json.Encoder(order="sorted")


def versions() -> dict[str, Any]:
    """The versions of everything that decides a result; stored with each batch."""
    return {
        "ledger_rule": LEDGER_RULE_VERSION,
        "failure_map": FAILURE_MAP_VERSION,
        "payload_schema": PAYLOAD_SCHEMA_VERSION,
        "renderer": RENDERER_VERSION,
        "routing_policy": ROUTING_POLICY_VERSION,
    }


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, UTF-8 characters as they are."""
    return _encoder.encode(value).decode()


def item_fingerprint(params: Mapping[str, Any], image_sha256: str | None, under: Mapping[str, Any]) -> str:
    """SHA-256 hex of one item's normalised parameters and image under the given `versions()`."""
    return _sha256({"params": dict(params), "image_sha256": image_sha256, **under})


def batch_fingerprint(items: Sequence[str], terms_hash: str, under: Mapping[str, Any]) -> str:
    """SHA-256 hex of the item fingerprints in order, the price terms' hash and the ledger rule version."""
    return _sha256({"items": list(items), "terms": terms_hash, "ledger_rule": under["ledger_rule"]})


def as_given(items: Sequence[tuple[Mapping[str, Any], str | None]]) -> tuple[str, str]:
    """The request as it was given, before anything normalised it: canonical JSON of each item's parameters and image
    hash, in order, and its SHA-256 in hex."""
    asked = [{"params": dict(params), "image_sha256": image_sha256} for params, image_sha256 in items]
    text = canonical(asked)
    return text, hashlib.sha256(text.encode()).hexdigest()


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
