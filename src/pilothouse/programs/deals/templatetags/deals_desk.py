"""Template tags of the deals desk."""

from collections.abc import Sequence
from datetime import datetime

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import words
from ..desk_views import coded as in_words
from ..desk_words import AUDIT, OUTCOMES

register = template.Library()


@register.filter
def coded(code: str) -> str:
    """A machine's code in small words."""
    return in_words(str(code or ""))


@register.filter
def deal_state(state: str) -> str:
    """A deal's state in words."""
    return words.named(words.STATES, state)


@register.filter
def deal_tone(state: str) -> str:
    """The tone of a deal's state."""
    return words.TONES.get(state, "held")


@register.filter
def evidence_kind(kind: str) -> str:
    """A kind of evidence in words."""
    return words.named(words.EVIDENCE, kind)


@register.filter
def evidence_kinds(kinds: Sequence[str]) -> str:
    """Kinds of evidence in words, in a row."""
    return ", ".join(evidence_kind(each) for each in kinds)


@register.filter
def outcome_words(code: str) -> str:
    """An outcome in words."""
    return str(OUTCOMES.get(code, in_words(str(code or ""))))


@register.filter
def audit_words(code: str) -> str:
    """An audit reason in words."""
    return str(AUDIT.get(code, in_words(str(code or ""))))


@register.simple_tag
def left(due_at: datetime, now: datetime) -> str:
    """How long until `due_at`, in its two largest parts: `1 d 4 h left`, `35 min left`, `12 min late`."""
    seconds = int((due_at - now).total_seconds())
    minutes = abs(seconds) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        length = ngettext("%(days)d d %(hours)d h", "%(days)d d %(hours)d h", days) % {"days": days, "hours": hours}
    elif hours:
        length = _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}
    else:
        length = _("%(minutes)d min") % {"minutes": rest}
    return (_("%(length)s left") if seconds >= 0 else _("%(length)s late")) % {"length": length}
