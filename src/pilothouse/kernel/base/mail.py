"""A mail that a room below the outbox writes in its own transaction.

The outbox, higher up, queues and sends it; it registers here when the house starts.
"""

from collections.abc import Sequence
from typing import Protocol


class Post(Protocol):
    """Queues one mail in the open transaction; nothing leaves before the commit."""

    def __call__(
        self,
        to: Sequence[str],
        subject: str,
        text: str,
        *,
        tenant: int | None = None,
        dedupe_key: str | None = None,
        echoed: tuple[str, ...] = (),
    ) -> None:
        """`echoed` are the customer's own values that the words repeat; the same `dedupe_key` queues once for ever."""


_posts: list[Post] = []


def register_post(post: Post) -> None:
    """Send mails by this post from now on; registering it twice is the same as once."""
    if post not in _posts:
        _posts.append(post)


def post_mail(
    to: Sequence[str],
    subject: str,
    text: str,
    *,
    tenant: int | None = None,
    dedupe_key: str | None = None,
    echoed: tuple[str, ...] = (),
) -> None:
    """Queue a mail in the open transaction. Raises InvalidInput for an address that is none."""
    (post,) = _posts
    post(to, subject, text, tenant=tenant, dedupe_key=dedupe_key, echoed=echoed)
