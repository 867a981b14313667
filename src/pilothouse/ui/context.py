"""What every page knows: the theme that the viewer has chosen and the id of the request."""

from __future__ import annotations

from django.http import HttpRequest

THEMES = ("light", "dark")
THEME_COOKIE = "theme"


def chrome(request: HttpRequest) -> dict[str, str]:
    """Context processor: `theme` (`light`, `dark` or empty for the system's own) and `request_id`.

    The theme comes from a cookie and is written by the server into the page, so that it never flashes.
    """
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "theme": chosen if chosen in THEMES else "",
        "request_id": str(getattr(request, "request_id", "")),
    }
