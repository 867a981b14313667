"""The forms of the dispute desk. No field of them takes an amount."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pilothouse.ui.templatetags.posted_form import ACCOUNT_FIELD

from .desk_words import AUDIT, DECISIONS
from .lifecycle import AUDIT_REASONS
from .limits import NOTE_MAX_CHARACTERS, NOTE_MIN_CHARACTERS


class AuditForm(forms.Form):
    """Why an operator decides as they do."""

    audit_reason = forms.ChoiceField(
        label=_("Reason"), choices=[("", _("Choose a reason")), *((code, AUDIT[code]) for code in AUDIT_REASONS)]
    )
    note = forms.CharField(
        label=_("Note"),
        min_length=NOTE_MIN_CHARACTERS,
        max_length=NOTE_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What you looked at and why it decides. Both sides may read it. At least 20 characters."),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse fields that the form does not have: a typed amount is an attempt, not an oversight."""
        known = {*self.fields, "csrfmiddlewaretoken", ACCOUNT_FIELD}
        strange = sorted(name for name in self.data if name not in known)
        if strange:
            raise forms.ValidationError(
                _("Nothing but the outcomes of these terms can be chosen; %(name)s is not a field of this form."),
                code="unknown_field",
                params={"name": strange[0]},
            )
        return super().clean() or {}


class ResolveForm(AuditForm):
    """One outcome of the pinned terms for each line: the fields `outcome_1`, `outcome_2`, …"""

    def __init__(self, data: Any, menus: Sequence[Sequence[str]], **options: Any) -> None:
        super().__init__(data, **options)
        self.menus = menus
        for number, menu in enumerate(menus, 1):
            self.fields[f"outcome_{number}"] = forms.ChoiceField(
                label=_("Outcome"),
                choices=[(each, each) for each in menu],
                error_messages={
                    "required": _("Choose one outcome for this line."),
                    "invalid_choice": _("These terms do not allow this outcome."),
                },
            )

    @property
    def outcomes(self) -> list[str]:
        """What was chosen, one for each line."""
        return [str(self.cleaned_data[f"outcome_{number}"]) for number in range(1, len(self.menus) + 1)]


class HandoverForm(AuditForm):
    """One of the two decisions about a contested handover."""

    decision = forms.ChoiceField(label=_("Decision"), choices=list(DECISIONS.items()))
