"""What every page knows: the product's name and the theme the viewer has chosen."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

THEMES = ("light", "dark")
THEME_COOKIE = "theme"


def chrome(request: HttpRequest) -> dict[str, str]:
    """Context processor: `product_name` and `theme` (`light`, `dark` or empty for the system's own).

    The theme comes from a cookie and is written by the server into the page, so that it never flashes.
    """
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "product_name": str(getattr(settings, "PRODUCT_NAME", "Pilothouse")),
        "theme": chosen if chosen in THEMES else "",
    }
