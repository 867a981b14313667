"""A paper: one text that is a page, a Markdown file, a PDF and a mail, with the hash of what it was made from.

The Markdown is the paper; the page and the PDF draw the same blocks of it. Words of customers stand in papers, so
links, pictures and HTML are no part of this Markdown: such signs stay as they were typed.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Node = dict[str, Any]
_MARKDOWN = MarkdownIt("commonmark", {"breaks": True, "html": False}).enable("table").disable(
    ["link", "image", "autolink", "html_inline", "html_block", "reference", "lheading"]
)  # fmt: skip
# A day, which a line of a page never breaks at its hyphens.
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
# What a line of a checklist begins with, and the sign that a reader sees.
TICKS = {"[x] ": "done", "[ ] ": "open"}
# A column of numbers under a longer head takes a share of the line on paper, and its head wraps.
NARROW_MAX_CHARACTERS = 16
# Tags by which a block is drawn on a page; the paper's own title is the page's heading.
TAGS = {"strong": "strong", "em": "em"}


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper. `inputs` is all that it was made from, as JSON values; `charts` are (title, SVG).

    `head` are a few (label, value) that stand above the text in the PDF and on the page, not in the mail.
    """

    title: str
    markdown: str
    inputs: Mapping[str, Any]
    charts: Sequence[tuple[str, SafeString]] = ()
    head: Sequence[tuple[str, str]] = field(default_factory=tuple)

    @property
    def inputs_sha256(self) -> str:
        """SHA-256 in hex of the inputs as `kernel.base.canonical` writes them: keys sorted, no spaces, UTF-8."""
        text = json.dumps(self.inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def body_sha256(self) -> str:
        """The hash of the text's bytes."""
        return hashlib.sha256(self.markdown.encode()).hexdigest()


def one_line(words: object) -> str:
    """Somebody's words as a part of a sentence or a cell: on one line, without the sign that parts cells."""
    return " ".join(str(words).split()).replace("|", "/")


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: Collection[str] = ()) -> str:
    """A Markdown table; the columns of `right`, named by their heads, are numbers and set right."""
    if not rows:
        return ""
    lines = [
        "| " + " | ".join(one_line(cell) for cell in head) + " |",
        "|" + "|".join("---:" if cell in right else "---" for cell in head) + "|",
    ]
    lines += ["| " + " | ".join(one_line(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def blocks(markdown: str) -> list[Node]:
    """The text as blocks: heading, text, list, table, code, rule; inline parts as text, strong, em, code, break."""
    return [_block(node) for node in SyntaxTreeNode(_MARKDOWN.parse(markdown)).children]


def _block(node: SyntaxTreeNode) -> Node:
    if node.type == "heading":
        return {"kind": "heading", "level": int(node.tag[1]), "parts": _inline(node.children[0])}
    if node.type == "paragraph":
        return {"kind": "text", "parts": _inline(node.children[0])}
    if node.type in ("bullet_list", "ordered_list"):
        items = [[_block(child) for child in item.children] for item in node.children]
        return {"kind": "list", "ordered": node.type == "ordered_list", "items": [_ticked(item) for item in items]}
    if node.type == "table":
        rows = [[_inline(cell.children[0]) for cell in row.children] for part in node.children for row in part.children]
        right = [cell.attrs.get("style") == "text-align:right" for cell in node.children[0].children[0].children]
        narrow = [
            number and len(plain(cell)) <= NARROW_MAX_CHARACTERS for number, cell in zip(right, rows[0], strict=True)
        ]
        return {"kind": "table", "head": rows[0], "rows": rows[1:], "right": right, "narrow": narrow}
    if node.type in ("fence", "code_block"):
        return {"kind": "code", "value": node.content.rstrip("\n")}
    if node.type == "blockquote":
        return {"kind": "quote", "blocks": [_block(child) for child in node.children]}
    return {"kind": "rule"}


def _ticked(item: list[Node]) -> Node:
    """A point of a list; one that begins with a box carries whether it is ticked."""
    parts = item[0]["parts"] if item and item[0]["kind"] == "text" else []
    tick = parts.pop(0)["state"] if parts and parts[0]["kind"] == "tick" else ""
    return {"tick": tick, "blocks": item}


def _inline(node: SyntaxTreeNode) -> list[Node]:
    found: list[Node] = []
    for child in node.children:
        if child.type in TAGS:
            found.append({"kind": child.type, "parts": _inline(child)})
        elif child.type == "code_inline":
            found.append({"kind": "code", "value": child.content})
        elif child.type in ("softbreak", "hardbreak"):
            found.append({"kind": "break"})
        elif child.content:
            is_begun = bool(found) and found[-1]["kind"] != "break"
            found += [{"kind": "words", "value": child.content}] if is_begun else _line(child.content)
    return found or [{"kind": "words", "value": ""}]


def _line(words: str) -> list[Node]:
    """Words at the beginning of a line, with a box before them where they begin with its sign."""
    for sign, state in TICKS.items():
        if words.startswith(sign):
            return [{"kind": "tick", "state": state}, {"kind": "words", "value": words.removeprefix(sign)}]
    return [{"kind": "words", "value": words}]


def shown(paper: Paper) -> list[Node]:
    """The blocks below the title: without a first heading or line that only repeats it."""
    found = blocks(paper.markdown)
    repeats = bool(found) and found[0]["kind"] in ("heading", "text") and plain(found[0]["parts"]) == paper.title
    return found[1:] if repeats else found


def as_html(paper: Paper) -> SafeString:
    """The paper's text for a page, whose heading is its title."""
    return mark_safe("".join(_html(block) for block in shown(paper)))  # noqa: S308 - every word in it is escaped below


def plain(parts: Sequence[Node]) -> str:
    """The words of inline parts without their marks."""
    return "".join(part.get("value") or plain(part.get("parts", ())) for part in parts)


def _html(block: Node) -> str:
    kind = block["kind"]
    if kind == "heading":
        level = min(max(block["level"], 2), 4)
        return f"<h{level}>{_html_parts(block['parts'])}</h{level}>"
    if kind == "text":
        return f"<p>{_html_parts(block['parts'])}</p>"
    if kind == "list":
        tag = "ol" if block["ordered"] else "ul"
        return f"<{tag}>" + "".join(_html_item(item) for item in block["items"]) + f"</{tag}>"
    if kind == "table":
        marks = [' class="num"' if right else "" for right in block["right"]]
        head = "".join(
            f'<th scope="col"{mark}>{_html_parts(cell)}</th>' for mark, cell in zip(marks, block["head"], strict=True)
        )
        rows = "".join(
            "<tr>"
            + "".join(f"<td{mark}>{_html_parts(cell)}</td>" for mark, cell in zip(marks, row, strict=True))
            + "</tr>"
            for row in block["rows"]
        )
        named = escape(", ".join(filter(None, map(plain, block["head"]))))
        # It scrolls on a phone, so the keyboard must reach it.
        around = f'<div class="paper-table" role="group" tabindex="0" aria-label="{named}">'
        return f"{around}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    if kind == "code":
        return f"<pre>{escape(block['value'])}</pre>"
    if kind == "quote":
        return "<blockquote>" + "".join(_html(each) for each in block["blocks"]) + "</blockquote>"
    return "<hr>"


def _html_item(item: Node) -> str:
    inner = item["blocks"]
    # A tight point is its words, not a paragraph.
    words = _html_parts(inner[0]["parts"]) if inner and inner[0]["kind"] == "text" else ""
    rest = "".join(_html(each) for each in (inner[1:] if words else inner))
    if not item["tick"]:
        return f"<li>{words}{rest}</li>"
    sign = "✓" if item["tick"] == "done" else "☐"
    return format_html('<li class="paper-tick" data-tick="{}"><span aria-hidden="true">{}</span> <span>{}</span></li>',
                       item["tick"], sign, mark_safe(words + rest))  # fmt: skip # noqa: S308


def _html_parts(parts: Sequence[Node]) -> str:
    drawn: list[str] = []
    for part in parts:
        if part["kind"] == "words":
            drawn.append(_DATE.sub(r"<time>\g<0></time>", escape(part["value"])))
        elif part["kind"] == "code":
            drawn.append(f"<code>{escape(part['value'])}</code>")
        elif part["kind"] == "tick":
            sign = "✓" if part["state"] == "done" else "☐"
            drawn.append(f'<span class="paper-box" data-tick="{part["state"]}">{sign}</span> ')
        elif part["kind"] == "break":
            drawn.append("<br>")
        else:
            tag = TAGS[part["kind"]]
            drawn.append(f"<{tag}>{_html_parts(part['parts'])}</{tag}>")
    return "".join(drawn)
