"""The addresses that pages link to, and what they carry: every link of a list keeps its filter."""

from urllib.parse import urlencode

from django.urls import reverse

KEY_MAX_DIGITS = 18


def batch_url(public_id: str) -> str:
    """The page of one batch."""
    return reverse("video:batch", args=[public_id])


def item_url(batch_id: str, public_id: str) -> str:
    """The page of one video."""
    return reverse("video:item", args=[batch_id, public_id])


def with_query(url: str, **query: str) -> str:
    """`url` with the parameters that are not empty."""
    given = {key: value for key, value in query.items() if value}
    return f"{url}?{urlencode(given)}" if given else url


def number(value: str | None) -> int | None:
    """A whole number of an address, or None for anything else."""
    good = value and value.isascii() and value.isdigit() and len(value) <= KEY_MAX_DIGITS
    return int(value) if good and value else None
