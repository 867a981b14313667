"""Finds the pages of a running house as a person does: from the first page, by the links that it shows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve
from django.views.generic import RedirectView
from playwright.sync_api import APIRequestContext
from shots_pages import SAME_KIND_COUNTS, SAME_KIND_DEFAULT_COUNT

PAGES_MAX_COUNT = 400
# The router's own addresses; they answer JSON and are photographed by nobody.
API_NAMESPACE = "api"


@dataclass(slots=True)
class Found:
    """What a crawl found: the first addresses of each page, files and other answers, and links that lead nowhere."""

    pages: dict[str, list[str]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    dead: list[str] = field(default_factory=list)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.found.append(str(given["href"]))


def page_names() -> set[str]:
    """The name of every address outside the API, with its namespace; an address without a name is an error."""
    return set(_names(get_resolver().url_patterns, ""))


def _names(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            space = pattern.namespace or ""
            if space == API_NAMESPACE:
                continue
            yield from _names(pattern.url_patterns, f"{prefix}{space}:" if space else prefix)
        elif pattern.name is not None:
            yield prefix + pattern.name
        elif getattr(pattern.callback, "view_class", None) is not RedirectView:
            # Only a redirect may go without a name; any other would be looked for in vain.
            yield f"{prefix}{pattern.pattern} (without a name)"


def name_of(path: str) -> str:
    """The name of the address, or an empty text where there is none."""
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


def crawl(request: APIRequestContext, site: str, starts: tuple[str, ...]) -> Found:
    """Follow every link of `starts` and of what they lead to, with the cookies of `request`."""
    found = Found()
    seen: set[str] = set()
    waiting = list(starts)
    while waiting and len(seen) < PAGES_MAX_COUNT:
        address = waiting.pop(0)
        path = urlsplit(address).path
        name = name_of(path)
        most = SAME_KIND_COUNTS.get(name, SAME_KIND_DEFAULT_COUNT)
        if address in seen or len(found.pages.get(name, [])) >= most:
            continue
        seen.add(address)
        answer = request.get(site + address, max_redirects=5)
        if answer.status >= 400:
            found.dead.append(f"{answer.status} {address}")
            continue
        if not answer.headers.get("content-type", "").startswith("text/html"):
            found.others.add(name)
            continue
        if answer.url.startswith(site):
            name = name_of(urlsplit(answer.url).path)
        known = found.pages.setdefault(name, [])
        if address not in known and len(known) < SAME_KIND_COUNTS.get(name, SAME_KIND_DEFAULT_COUNT):
            known.append(address)
        links = _Links()
        links.feed(answer.text())
        waiting += [link for href in links.found if (link := _inside(href, address, site))]
    return found


def _inside(href: str, at: str, site: str) -> str:
    """The link as a path of this site, or an empty text; one that ends a session is not followed."""
    parts = urlsplit(urljoin(site + at, href))
    if f"{parts.scheme}://{parts.netloc}" != site or not parts.path or "/logout" in parts.path:
        return ""
    if name_of(parts.path).startswith(f"{API_NAMESPACE}:") or parts.path.startswith(("/v1/", "/files/", "/static/")):
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")
