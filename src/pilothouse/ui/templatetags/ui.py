"""Template tags of the components. `{% load ui %}`; each tag's arguments are its whole contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BoundField
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ..icons import ICONS
from ..limits import (
    BAR_HEIGHT_PX,
    ID_CHIP_FULL_MAX_CHARS,
    ID_CHIP_HEAD_CHARS,
    ID_CHIP_TAIL_CHARS,
    TIMELINE_FILTER_FROM_EVENTS,
)
from ..links import actor_words
from ..pictures import (
    MONEY_KINDS,
    SHAPE_OF_TONE,
    WORK_KINDS,
    countdown_share,
    countdown_stage,
    segments_of,
    state_label,
    state_tone,
)
from ..tables import Table
from ..units import amount_text, number_text, unit_of, unit_word

register = template.Library()
Context = dict[str, Any]

PROOF_STATES = {
    "pass": ("settled", "check", gettext_noop("proven")),
    "fail": ("breach", "cross", gettext_noop("not met")),
    "insufficient": ("returned", "question", gettext_noop("not enough data")),
    "inconclusive": ("held", "minus", gettext_noop("inconclusive")),
}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A drawing from `icons.ICONS`, hidden from screen readers: the words beside it speak."""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="{}"/></svg>',
        extra,
        ICONS[name],
    )


@register.simple_tag
def amount(value: int, unit: str, signed: bool = False) -> SafeString:
    """An amount in minor units of `unit` with its unit: `90 credits`, `4,500,000 ₮`, `$12.50`."""
    shown = unit_of(unit)
    value = int(value)
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    decimals = shown.decimals or (shown.exponent if value % 10**shown.exponent else 0)
    word = unit_word(value, shown)
    return format_html(
        '<data class="amount" value="{}">{}{}<span data-number="{}" data-decimals="{}">{}</span>{}</data>',
        value,
        sign,
        shown.symbol if shown.symbol_first else "",
        Decimal(abs(value)).scaleb(-shown.exponent),
        decimals,
        number_text(abs(value), shown),
        format_html('\u00a0<span class="amount-unit">{}</span>', word) if word else "",
    )


@register.filter
def money(value: int, unit: str) -> str:
    """The same amount as plain text, for a sentence or an attribute."""
    return amount_text(int(value), unit)


@register.filter
def spoken(code: str) -> str:
    """A machine name as words: `slo_breach` is `slo breach`."""
    return code.replace("_", " ")


@register.filter
def who(actor: str | None) -> str:
    """Who did it, in words."""
    return actor_words(actor or "")


@register.filter
def state_words(state: str) -> object:
    """A state as its badge calls it."""
    return state_label(state)


@register.filter
def pairs(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Keys and values of a mapping that others filled: `.items` would find a key named `items` first."""
    return list(values.items())


# The first that a user agent names is what it is: each later one names the earlier ones too.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrom": "Chrome", "Safari": "Safari"}
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS": "macOS", "Linux": "Linux",
}  # fmt: skip


@register.filter
def browser_name(agent: str) -> str:
    """A user agent in words, `Firefox on Windows`; one that is no browser's as it is, cut to 80 characters."""
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or agent[:80]


@register.simple_tag
def instant(value: datetime | None, form: str = "relative") -> SafeString | str:
    """A moment; `form` is `relative` (relative for today) or `absolute`. Nothing gives a dash."""
    if value is None:
        return "—"
    at = value.astimezone(UTC)
    shown = formats.date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT")
    return format_html(
        '<time datetime="{}" data-instant="{}" title="{}">{}</time>',
        at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        form,
        at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        shown,
    )


@register.simple_tag
def id_chip(value: str, label: str = "", *, whole: bool = False) -> SafeString:
    """An id in monospace, shortened in the middle; a click copies the whole. `label` names it for screen readers.

    What people write down by hand is shown as a `whole`.
    """
    text = str(value)
    short = text
    if len(text) > ID_CHIP_FULL_MAX_CHARS and not whole:
        short = f"{text[:ID_CHIP_HEAD_CHARS]}…{text[-ID_CHIP_TAIL_CHARS:]}"
    name = _("Copy %(label)s %(id)s") % {"label": label or _("id"), "id": text}
    return format_html(
        '<button type="button" class="id-chip{}" data-copy="{}" data-copied-text="{}" aria-label="{}" title="{}">'
        "{}{}</button>",
        " id-chip-whole" if whole else "",
        text,
        _("Copied"),
        name,
        text,
        short,
        icon("copy"),
    )


@register.inclusion_tag("ui/components/state_badge.html")
def state_badge(state: str, tone: str = "", label: str = "") -> Context:
    """A state as a shape and a word. `tone` and `label` override what `pictures.py` knows of the machine name."""
    chosen = tone or state_tone(state)
    return {
        "state": state,
        "tone": chosen,
        "label": label or state_label(state),
        "shape": "dot" if state == "running" else SHAPE_OF_TONE[chosen],
    }


@register.inclusion_tag("ui/components/money_bar.html")
def money_bar(total: int, unit: str, label: str = "", title: str = "", bar_id: str = "money", **parts: int) -> Context:
    """The whole `total` and its parts in minor units; each part is named by a key of `pictures.MONEY_KINDS`.

    `{% money_bar 100 "CREDIT" settled=90 refunded=10 in_flight=0 label="reserved" %}`. A sum that is not the whole
    is said in red on the picture itself. `bar_id` must be unique on the page: it lets a live segment grow.
    """
    amounts = {key: int(value) for key, value in parts.items()}
    return {
        "total": int(total),
        "unit": unit,
        "label": label or _("held"),
        "title": title,
        "bar_id": bar_id,
        "segments": segments_of(int(total), amounts, MONEY_KINDS, unit_of(unit)),
        "height": BAR_HEIGHT_PX,
        "middle": BAR_HEIGHT_PX // 2,
        "difference": int(total) - sum(amounts.values()),
    }


@register.inclusion_tag("ui/components/progress.html")
def work_bar(counts: Mapping[str, int], bar_id: str = "work") -> Context:
    """How far a set of items is: `counts` by `succeeded`, `failed`, `running`, `pending`."""
    amounts = {key: int(counts[key]) for key in WORK_KINDS}
    return {
        "segments": segments_of(sum(amounts.values()), amounts, WORK_KINDS),
        "bar_id": bar_id,
        "total": sum(amounts.values()),
        "ended": amounts["succeeded"] + amounts["failed"],
    }


@register.inclusion_tag("ui/components/proof_line.html")
def proof_line(claim: str, value: object, target: object, state: str, url: str = "") -> Context:
    """A claim, its value, its target and `state` (`pass`, `fail`, `insufficient`, `inconclusive`); `url` proves it."""
    tone, mark, words = PROOF_STATES[state]
    return {
        "claim": claim,
        "value": value,
        "target": target,
        "tone": tone,
        "mark": mark,
        "verdict": _(words),
        "url": url,
    }


@register.inclusion_tag("ui/components/timeline.html")
def timeline(events: Sequence[Mapping[str, Any]], unit: str = "CREDIT", list_id: str = "timeline") -> Context:
    """Events `{at, actor, type, sentence, amount}` as given, top-down; `amount` in minor units or None."""
    return {
        "events": events,
        "unit": unit,
        "list_id": list_id,
        "filterable": len(events) >= TIMELINE_FILTER_FROM_EVENTS,
    }


@register.inclusion_tag("ui/components/countdown.html")
def countdown(due_at: datetime, started_at: datetime, now: datetime, consequence: str) -> Context:
    """Time left until `due_at`, the instant, and what happens then (`consequence`, a whole sentence)."""
    share = countdown_share(started_at, due_at, now)
    return {
        "due_at": due_at,
        "started_at": started_at,
        "share": f"{share:.2f}%",
        "stage": countdown_stage(share),
        "hours": max(0, int((due_at - now).total_seconds() // 3600)),
        "minutes": max(0, int((due_at - now).total_seconds() // 60 % 60)),
        "consequence": consequence,
    }


@register.inclusion_tag("ui/components/stepper.html")
def stepper(steps: Sequence[Mapping[str, Any]]) -> Context:
    """The way of a thing: `{label, status}` for each step; status is `done`, `now`, `ended` (badly) or `todo`."""
    return {"steps": steps}


@register.inclusion_tag("ui/components/forecast_line.html")
def forecast_line(at: datetime, value: int, unit: str, to: str, because: str) -> Context:
    """What happens with the money if nobody does anything."""
    return {"at": at, "value": value, "unit": unit, "to": to, "because": because}


@register.inclusion_tag("ui/components/gate_notice.html")
def gate_notice(gate: Mapping[str, Any] | None) -> Context:
    """Says that a gate is closed: `{name (no_new or no_dispatch), reason, since}`; writes nothing for None."""
    return {"gate": gate}


@register.inclusion_tag("ui/components/stat.html")
def stat(label: str, value: object, unit: str = "", hint: str = "", url: str = "") -> Context:
    """One number with its words; with `unit` the value is an amount in minor units."""
    return {"label": label, "value": value, "unit": unit, "hint": hint, "url": url}


@register.inclusion_tag("ui/components/empty_state.html")
def empty_state(title: str, sentence: str, url: str = "", action: str = "", drawing: str = "info") -> Context:
    """One sentence that teaches and one action."""
    return {"title": title, "sentence": sentence, "url": url, "action": action, "drawing": drawing}


@register.inclusion_tag("ui/components/pager.html")
def pager(page: Mapping[str, Any]) -> Context:
    """`{first, last, total, previous_url, next_url}`; `total` may be None where counting would cost too much."""
    return {"page": page}


@register.inclusion_tag("ui/components/data_table.html")
def data_table(table: Table) -> Context:
    """A `tables.Table`; under 640 px each row becomes a stack of labelled lines."""
    return {"table": table, "lines": table.lines()}


@register.inclusion_tag("ui/components/form_field.html")
def form_field(field: BoundField) -> Context:
    """A form field with its label, help and error, tied together for screen readers."""
    described = []
    if field.help_text:
        described.append(f"{field.auto_id}_help")
    if field.errors:
        described.append(f"{field.auto_id}_error")
    attributes: dict[str, Any] = {"aria-describedby": " ".join(described)} if described else {}
    if field.errors:
        attributes["aria-invalid"] = "true"
    # The label is always shown; a placeholder beside it would only repeat it and vanish when it is needed.
    if "placeholder" in field.field.widget.attrs:
        attributes["placeholder"] = ""
    kind = getattr(field.field.widget, "input_type", "")
    if kind == "checkbox":
        attributes["class"] = "checkbox checkbox-sm"
    return {"field": field, "control": field.as_widget(attrs=attributes), "checkbox": kind == "checkbox"}


@register.inclusion_tag("ui/components/confirm.html", takes_context=True)
def confirm(
    context: template.Context, dialog_id: str, title: str, sentence: str, url: str, verb: str, danger: bool = False
) -> Context:
    """A dialog that asks once and shows the result; any element with `data-opens="<dialog_id>"` opens it."""
    return {
        "dialog_id": dialog_id,
        "title": title,
        "sentence": sentence,
        "url": url,
        "verb": verb,
        "danger": danger,
        "csrf_token": context.get("csrf_token"),
        "account_id": context.get("account_id"),
    }


@register.inclusion_tag("ui/components/video_player.html")
def video_player(url: str, player_id: str, label: str, poster: str = "") -> Context:
    """A player that keeps playing when the live fragment around it is replaced; `player_id` is unique on the page."""
    return {"url": url, "player_id": player_id, "label": label, "poster": poster}
