"""The deny-list: no name of an upstream provider, of its models or of our adapters for them reaches a customer.

This is the second wall. The first is that nothing which renders for a customer can read those fields. Only text that
we author is judged: what a customer gave us (prompt, metadata, request_id, addresses, names) comes back unchanged.
In JSON and CSV that is told by field. A page or a mail has no fields, so there a word is the customer's own only where
it stands inside one of the values that the page echoes, whole or cut short by an ellipsis: a customer who is called
after an upstream must not blind the wall to our own words.

A hit blocks what was to leave and opens the incident `deny_list_leak` (P0) for the tenant. No gate closes: nothing
got out, and stopping the tenant's work would not mend our words.
"""

import csv
import html
import io
import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote, quote_plus

import structlog
from django.db import DatabaseError, connections

from pilothouse.kernel.base.scope import ops_scope, scope_or_none

from .commands import open_incident

log = structlog.get_logger(__name__)
KIND: Final = "deny_list_leak"
ACTOR: Final = "check:deny_list"
INCIDENT_PATIENCE_S: Final = 5.0

# Whole words, lower case. The product's own name (Sora2) is never one: the model is `sora-2`.
WORDS: Final = (
    "anthropic", "azure", "bedrock", "bytedance", "chatgpt", "dall-e", "deepmind", "fal.ai", "firefly", "gcp", "gemini",
    "genai", "google", "gpt", "hailuo", "hunyuan", "imagen", "kling", "kuaishou", "luma", "lumalabs", "minimax",
    "openai", "pika", "pixverse", "replicate.com", "runway", "runwayml", "seedance", "sora-1", "sora-2", "sora-2-pro",
    "stability.ai", "tencent", "veo", "veo-2", "veo-2.0", "veo-3", "veo-3.0", "veo-3.1", "vertex", "vertexai",
    "videos_api", "vidu", "wan-ai",
)  # fmt: skip
_ANY: Final = re.compile(
    rb"(?<![a-z0-9_])(?:" + b"|".join(re.escape(w.encode()) for w in sorted(WORDS, key=len, reverse=True))
    + rb")(?![a-z0-9_])"
)  # fmt: skip

_ANY_TEXT: Final = re.compile(_ANY.pattern.decode(), re.IGNORECASE)

# Fields whose values are the customer's, or random: a signed link's token may spell anything.
ECHOED_FIELDS: Final = frozenset(
    {"prompt", "metadata", "request_id", "url", "description", "excerpt", "name", "company", "secret", "next"}
)
# What a refusal (4xx) says about the request repeats values of the request. No request of a customer waits for an
# upstream, so these fields cannot hold an upstream's words.
BY_FIELD: Final = frozenset({"webhook", "export"})
REFUSAL_FIELDS: Final = frozenset({"message", "details"})
_LINKS: Final = re.compile(rb"/(?:files|account)/[^\"'\s<>&]*")


def words_in(text: str | bytes) -> set[str]:
    """The deny-list's words that stand in `text` as whole words, in lower case."""
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    return {found.decode() for found in _ANY.findall(raw.lower())}


def leaks_in_json(body: bytes, *, refusal: bool = False, fields: bool = True) -> set[str]:
    """The words that leak in a JSON body: outside of the customer's fields, unless `fields` is False.

    `refusal` says that it answers a request which was refused (4xx). What is not JSON is judged whole.
    """
    if not (found := words_in(body)):
        return found
    try:
        value = json.loads(body)
    except ValueError:
        return found
    exempt = (ECHOED_FIELDS if fields else frozenset()) | (REFUSAL_FIELDS if refusal else frozenset())
    return words_in(json.dumps(_without(value, exempt), ensure_ascii=False))


def leaks_in_csv(body: bytes) -> set[str]:
    """The words that leak in a CSV file: outside of the customer's columns."""
    if not (found := words_in(body)):
        return found
    rows = csv.DictReader(io.StringIO(body.decode(errors="replace")))
    return words_in(json.dumps([_without(row, ECHOED_FIELDS) for row in rows], ensure_ascii=False, default=str))


def leaks_in_text(body: str | bytes, echoed: Iterable[str]) -> set[str]:
    """The words that leak in a page or a mail: those outside of every echoed value, links with random tokens aside."""
    if not (found := words_in(body)):
        return found
    raw = body.encode(errors="replace") if isinstance(body, str) else body
    text = _spaced(html.unescape(_LINKS.sub(b" ", raw).decode(errors="replace")))
    own = {form for value in echoed for form in _forms(value) if words_in(form)}
    return {
        hit[0].lower()
        for hit in _ANY_TEXT.finditer(text)
        if not any(_inside(text, hit.start(), hit.end(), value) for value in own)
    }


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _forms(value: str) -> Iterator[str]:
    """How a page may write a customer's value: as it is, in JSON, in an address, or leaf by leaf when it is JSON."""
    yield _spaced(value)
    for ascii_only in (True, False):
        yield _spaced(json.dumps(value, ensure_ascii=ascii_only)[1:-1])
    yield quote(value)
    yield quote_plus(value)
    if "://" in value:
        # Lists show an address by its host, and by the path below it.
        yield from value.split("://", 1)[1].split("/", 1)
    if value[:1] in "{[":
        with suppress(ValueError, RecursionError):
            yield from (_spaced(leaf) for leaf in _leaves(json.loads(value)))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str):
        yield from (value, json.dumps(value)[1:-1])


def _inside(text: str, start: int, end: int, value: str) -> bool:
    """Whether text[start:end] belongs to an occurrence of `value` that is whole, or ends early at an ellipsis."""
    word = text[start:end]
    at = value.find(word)
    while at != -1:
        left = start - at
        before = next((n for n in range(at) if text[start - 1 - n : start - n] != value[at - 1 - n]), at)
        rest = value[at + len(word) :]
        after = next((n for n, char in enumerate(rest) if text[end + n : end + n + 1] != char), len(rest))
        whole_before = (before == at and left >= 0) or text[start - before - 1 : start - before] == "…"
        if whole_before and (after == len(rest) or text[end + after : end + after + 1] == "…"):
            return True
        at = value.find(word, at + 1)
    return False


def _without(value: Any, exempt: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, exempt) for key, inner in value.items() if key not in exempt}
    if isinstance(value, list):
        return [_without(inner, exempt) for inner in value]
    return value


def guard(channel: str, text: str, *, echoed: Iterable[str], tenant: int | None, subject: str) -> bool:
    """The guard of webhooks, exports and mails: judges by field when `text` is JSON, else by the echoed values."""
    leaked = leaks_in_json(text.encode()) if channel in BY_FIELD else leaks_in_text(text, echoed)
    if leaked:
        report(channel, leaked, tenant=tenant, subject=subject)
    return not leaked


def report(channel: str, leaked: set[str], *, tenant: int | None, subject: str = "") -> None:
    """Open the incident of a blocked leak, or count one more sighting of the open one.

    Inside a tenant's scope, which may not write incidents and may yet roll back, it is opened by a connection of its
    own. A leak is blocked also when the incident cannot be written; the log then says so.
    """
    log.error(KIND, channel=channel, words=sorted(leaked), tenant=tenant, subject=subject)
    scope = scope_or_none()
    if scope is not None and scope.kind != "tenant":
        _open(channel, leaked, tenant, subject)
        return
    # A new thread has no scope and a connection of its own.
    writer = threading.Thread(target=_open_alone, args=(channel, leaked, tenant, subject), daemon=True)
    writer.start()
    writer.join(INCIDENT_PATIENCE_S)


def _open_alone(channel: str, leaked: set[str], tenant: int | None, subject: str) -> None:
    try:
        with ops_scope(ACTOR, f"deny-list leak through {channel}"):
            _open(channel, leaked, tenant, subject)
    except DatabaseError:
        log.exception("deny_list_incident_not_written", channel=channel, tenant=tenant)
    finally:
        connections.close_all()


def _open(channel: str, leaked: set[str], tenant: int | None, subject: str) -> None:
    open_incident(
        KIND,
        f"A word of the deny-list was about to leave through {channel}; it was blocked",
        tenant=tenant,
        subject=channel,
        sample=[{"channel": channel, "words": sorted(leaked), "subject": subject}],
    )
