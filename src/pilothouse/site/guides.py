"""The guides as pages: `docs/*.md`, rendered when first asked for, with the product's name and this site's address.

A guide is for everyone, signed in or not; those for operators name upstreams, which no customer may read, so they do
not exist for anybody else. `{{ product }}`, `{{ site }}` and `{{ examples }}` are all that is filled in.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal

# An installed package carries its own copy of the folder; a checkout is read where it stands.
INSTALLED = Path(__file__).parent / "guide_texts"
CHECKOUT = Path(__file__).resolve().parents[3] / "docs"


@dataclass(frozen=True, slots=True)
class Guide:
    """One text: its address below `/docs/`, which is also its file's name, its title and what it is good for."""

    slug: str
    title: str
    about: str

    @property
    def url(self) -> str:
        """Its address."""
        folder, _, name = self.slug.rpartition("/")
        return reverse("playbook" if folder else "guide", args=[name])


@dataclass(frozen=True, slots=True)
class Heading:
    """One line of a table of contents; `level` is 2 or 3."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A guide as HTML, with its table of contents."""

    body: SafeString
    contents: tuple[Heading, ...]


GUIDES = (
    Guide("enterprise", "API guide", "From a key to a reconciled batch, and everything that can be answered"),
    Guide("webhooks", "Webhooks", "Set up an endpoint, verify what arrives, and read what was delivered"),
    Guide("finance", "Finance", "The equation, the statement, exports and reconciling"),
    Guide("escrow", "The rules of escrow", "How a price is parted, what a claim can give, and the terms behind it"),
    Guide("COUNTRY_TEMPLATE_MATRIX", "Country and category matrix", "What deals are made with where"),
)
PLAYBOOKS = (
    Guide("playbooks/key", "API key not working", "Every call answers 401, 403 or 429"),
    Guide("playbooks/credits", "Insufficient credits", "A batch is refused with 402"),
    Guide("playbooks/webhook", "Webhook not receiving", "A batch ended and nothing arrived"),
)
# For operators, with checks over all markets (deal_playbooks.py).
DEAL_PLAYBOOKS = (
    Guide("playbooks/timers", "Users are confused about timers", "They ask where the timer is, or when it ends"),
    Guide("playbooks/holdback", "Users don't understand holdback", "They ask when they get their money"),
    Guide("playbooks/evidence", "Evidence is hard to upload", "Uploads fail, or are of the wrong kind"),
    Guide("playbooks/outcomes", "Operators need more outcomes", "The outcome that somebody wants is not in the list"),
)
OPERATORS = (
    Guide("operations", "Operations", "Deploy, back up, restore, upgrade, rotate and scale out"),
    Guide("operator-desk", "The operator desk", "What each page of the desk is for, and who may do what there"),
    Guide("guarantees", "Guarantees", "The four promises: what each means, how it is checked, what it leaves out"),
    Guide("DEMO_SCRIPT", "Demo script", "The escrow market in ten minutes, as a test follows it"),
    Guide("reference", "Reference", "Every command, error code and timeline event"),
)


def index(request: HttpRequest) -> HttpResponse:
    """`/docs/` leads to the first guide."""
    return redirect(GUIDES[0].url)


def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """A guide for everyone."""
    found = next((one for one in GUIDES if one.slug == slug), None)
    if found is None:
        raise Http404
    return page(request, found)


@operator_page()
def operators_guide(request: HttpRequest, operator: OperatorPrincipal, slug: str) -> HttpResponse:
    """A guide of whoever runs this house; it names upstreams, which is for operators only."""
    return page(request, next(one for one in OPERATORS if one.slug == slug))


def page(request: HttpRequest, shown: Guide, **more: Any) -> HttpResponse:
    """A guide's page, with `more` in its context."""
    rendered = rendered_guide(shown.slug, settings.PRODUCT_NAME, settings.SITE_URL, settings.ENTERPRISE_EXAMPLES_URL)
    groups: list[tuple[str, tuple[Guide, ...]]] = [(_("Guides"), GUIDES), (_("When something is stuck"), PLAYBOOKS)]
    if getattr(request, "operator", None) is not None:
        groups += [(_("When a market is stuck"), DEAL_PLAYBOOKS), (_("Running it"), OPERATORS)]
    context = {"guide": shown, "groups": groups, "body": rendered.body, "contents": rendered.contents}
    return render(request, "guides/guide.html", {**context, **more})


def folder() -> Path:
    """Where the texts are."""
    return INSTALLED if INSTALLED.is_dir() else CHECKOUT


def text_of(slug: str) -> str:
    """A guide's Markdown as it is written."""
    return (folder() / f"{slug}.md").read_text(encoding="utf-8")


@cache
def rendered_guide(slug: str, product: str, site: str, examples: str) -> Rendered:
    """A guide's HTML. Neither the text nor these values change while a process lives."""
    text = text_of(slug)
    for name, value in (("product", product), ("site", site), ("examples", examples)):
        text = text.replace(f"{{{{ {name} }}}}", value)
    return render_markdown(text)


def render_markdown(text: str) -> Rendered:
    """CommonMark with tables as HTML; raw HTML in it is shown, never passed on. The first heading is the page's own."""
    reader = MarkdownIt("commonmark", {"html": False}, renderer_cls=GuideHTML).enable("table")
    tokens = reader.parse(text)
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        del tokens[:3]
    contents = tuple(_anchored(tokens))
    body = reader.renderer.render(tokens, reader.options, {})
    return Rendered(mark_safe(body), contents)  # noqa: S308 (our own text, and raw HTML in it is escaped)


def _anchored(tokens: Sequence[Token]) -> list[Heading]:
    """Give each heading an anchor of its words, the second one of a name a number, and list h2 and h3."""
    found: list[Heading] = []
    seen: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        words = re.sub(r"[`*_]", "", inline.content)
        anchor = slugify(words) or "part"
        seen[anchor] = seen.get(anchor, 0) + 1
        anchor = anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor]}"
        opening.attrSet("id", anchor)
        if opening.tag in ("h2", "h3"):
            found.append(Heading(int(opening.tag[1]), anchor, words))
    return found


class GuideHTML(RendererHTML):
    """Code with its colours and a button that copies it; tables that scroll by themselves; own links."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """One block of code."""
        code, language = tokens[idx].content, tokens[idx].info.split(" ")[0]
        button = (
            '<button type="button" class="icon-button code-copy" data-copied-text="Copied" '
            f'aria-label="Copy this code" title="Copy" data-copy="{html.escape(code)}">{_COPY_ICON}</button>'
        )
        lines = (
            f'<pre tabindex="0" data-language="{html.escape(language)}"><code>{_coloured(code, language)}</code></pre>'
        )
        return f'<div class="code-block">{button}{lines}</div>\n'

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """A table scrolls inside the page rather than the page with it."""
        return '<div class="guide-table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """The end of a table."""
        return "</table></div>\n"

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """A link to another text's file, as it works in the repository, leads to its page here.

        What lies elsewhere in the repository is served by no house: it is named, and no link.
        """
        token = tokens[idx]
        target = str(token.attrGet("href") or "")
        name, is_file, anchor = target.partition(".md")
        name = re.sub(r"^(\.\./|\./)+", "", name)
        served = {one.slug: one for one in (*GUIDES, *PLAYBOOKS, *DEAL_PLAYBOOKS, *OPERATORS)}
        found = served.get(name) or served.get(f"playbooks/{name}")
        if is_file and found is not None:
            token.attrSet("href", found.url + anchor)
        env["outside"] = target.startswith("../") and not (is_file and found is not None)
        if env["outside"]:
            return f'<span title="{html.escape(target.lstrip("./"))}">'
        return self.renderToken(tokens, idx, options, env)

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """The end of a link, or of what is only named."""
        return "</span>" if env["outside"] else self.renderToken(tokens, idx, options, env)


def _coloured(code: str, language: str) -> str:
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return html.escape(code)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


_COPY_ICON = (
    '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">'
    '<path d="M9 9h10v10H9zM5 15H4V5a1 1 0 0 1 1-1h10v1"/></svg>'
)
