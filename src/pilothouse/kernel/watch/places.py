"""Where something happened, without whose it was: an address as its route, with every id taken out."""

import re
from typing import Any

from django.urls import Resolver404, resolve

from .limits import PLACE_MAX_CHARACTERS, PLACE_WORD_MAX_CHARACTERS

PARAMETER = re.compile(r"<(?:[^:<>]+:)?(\w+)>")
# A part of an address that names what is done and not to whom: `approve`, `deliveries`.
WORD = re.compile(rf"[a-z]{{3,}}(?:[_-][a-z]+)*(?<!.{{{PLACE_WORD_MAX_CHARACTERS + 1}}})")
ELSEWHERE = "elsewhere"


def place_of(path: str) -> str:
    """The route behind a path, such as `/deals/:public_id/act/approve`; `elsewhere` for an address that we have not."""
    try:
        match = resolve(path)
    except (Resolver404, ValueError):
        return ELSEWHERE
    return route_of(match)


def route_of(match: Any) -> str:
    """The same for a resolved address (`ResolverMatch`, or None)."""
    if match is None:
        return ELSEWHERE
    return _route(str(match.route), match.kwargs)


def _route(route: str, kwargs: dict[str, Any]) -> str:
    def shown(found: re.Match[str]) -> str:
        value = str(kwargs.get(found[1], ""))
        return value if WORD.fullmatch(value) else f":{found[1]}"

    return f"/{PARAMETER.sub(shown, route).lstrip('/')}"[:PLACE_MAX_CHARACTERS]


def subject_of(match: Any) -> str:
    """The public id that an address names last, such as `deal_01…`; empty when it names none."""
    found = [str(value) for value in (match.kwargs.values() if match else ()) if PUBLIC_ID.fullmatch(str(value))]
    return found[-1] if found else ""


PUBLIC_ID = re.compile(r"[a-z]{2,8}_[0-9a-z]{26}")
# What might name somebody or something in the words of an error: addresses, ids, anything quoted, every number.
MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<address>"),
    (re.compile(r"\b[a-z]{2,8}_[0-9A-Za-z]{8,}"), "<id>"),
    (re.compile(r"https?://\S+"), "<url>"),
    (re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|“[^”]*”|\([^()]*\)=\([^()]*\)"), "…"),
    (re.compile(r"\d+"), "#"),
    (re.compile(r"[\x00-\x1f\x7f]+"), " "),
)


def masked(words: str, maximum: int) -> str:
    """The first line of an error's words without what could be anybody's, cut to a length."""
    text = words.strip().split("\n", 1)[0][: 4 * maximum].encode(errors="replace").decode()
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text[:maximum]
