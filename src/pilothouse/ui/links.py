"""What the views of lists share: addresses with their query, the steps of a list, and the lines of a timeline."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

KIND_OF_ACTOR = re.compile(r"\b(user|operator):")


def with_query(url: str, **query: str | int | None) -> str:
    """The address with these values as its query; empty ones are left out."""
    given = {key: value for key, value in query.items() if value not in (None, "", 0)}
    return f"{url}?{urlencode(given)}" if given else url


def whole_number(text: str | None, most: int = 2**62) -> int:
    """The number that an address holds, 0 for none or for what is not one."""
    if text and text.isascii() and text.isdigit() and len(text) < 20:
        return min(int(text), most)
    return 0


def search_words(text: str | None, most: int = 200) -> str:
    """What was typed into a search field, bounded and without what PostgreSQL cannot take."""
    return (text or "").replace("\x00", "").strip()[:most]


def numbered_pager(url: str, page: int, rows: int, page_rows: int, **query: str) -> dict[str, str] | None:
    """The steps of a list read by offset: `rows` were found on `page` (from 0), one more than is shown means more."""
    previous = with_query(url, **query, page=page - 1) if page > 0 else ""
    following = with_query(url, **query, page=page + 1) if rows > page_rows else ""
    return {"previous_url": previous, "next_url": following} if previous or following else None


def actor_words(actor: str) -> str:
    """Who did it, as a page says it: people by address, ours with the word operator; keys and machines as they are."""
    return KIND_OF_ACTOR.sub(lambda kind: _("operator") + " " if kind[1] == "operator" else "", actor)


def event_line(row: Mapping[str, Any], sentence: str) -> dict[str, Any]:
    """A timeline's row that moved no money, as the tag `timeline` takes it."""
    return {
        "at": row["at"], "actor": actor_words(row["actor"]), "type": row["type"], "sentence": sentence, "amount": None,
    }  # fmt: skip
