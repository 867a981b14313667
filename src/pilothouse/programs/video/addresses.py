"""The addresses of the program's pages."""

from django.urls import reverse


def batch_url(public_id: str) -> str:
    """The page of one batch."""
    return reverse("video:batch", args=[public_id])


def item_url(batch_id: str, public_id: str) -> str:
    """The page of one video."""
    return reverse("video:item", args=[batch_id, public_id])
