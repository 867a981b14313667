"""Canonical JSON: equal values have one text, so that the hash of the text may stand for the value.

Keys sorted, no spaces, UTF-8 characters as they are. An export's `verify.py` writes the same text with the standard
library alone.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any


def canonical_json(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """The text of a value. Raises TypeError for what JSON cannot say, unless `default` turns it into what it can."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=default)


def canonical_sha256(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """SHA-256, in lower-case hex, of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value, default).encode()).hexdigest()
