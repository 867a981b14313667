"""The forms of the operator desk; each field says what to write, and keeps what was typed."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.access.limits import FLAG_NAME_MAX_CHARACTERS, REASON_MAX_CHARACTERS
from pilothouse.kernel.base.program import program_title

from .account_choice import AccountField
from .checks import REGISTRY
from .lifecycle import DISMISS_REASONS, KINDS, SEVERITIES
from .limits import TEXT_MAX_CHARACTERS
from .models import MODES
from .promises import known_programs

REASONS = {
    "duplicate": _("Duplicate: another incident tells it already"),
    "expected": _("Expected: it was announced or planned"),
    "not_reproduced": _("Not reproduced: nothing can be found now"),
    "rehearsed": _("Rehearsed: we did this ourselves"),
}
MODE_LABELS = {
    "no_new": _("Nothing new: refuse new work, finish what is in hand"),
    "no_dispatch": _("Nothing out: also send nothing further upstream"),
}


def _words(label: Any, help_text: Any = "", rows: int = 3, *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=TEXT_MAX_CHARACTERS,
        required=required,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class AcknowledgeForm(forms.Form):
    """Who takes the incident."""

    owner = forms.CharField(
        label=_("Owner"), required=False, max_length=200, help_text=_("You, unless you name somebody else.")
    )


class UpdateForm(forms.Form):
    """News about an incident."""

    news = _words(_("News"), _("What is known now, in words that the next person on call understands."), rows=2)


class PromoteForm(forms.Form):
    """Why an incident is a P0."""

    why = _words(_("Why it is a P0"), _("Its scope is paused at once: no_dispatch."), rows=2)


class MitigateForm(forms.Form):
    """The three steps that stop the harm."""

    paused = _words(_("1. What was paused"), _("Or why nothing had to be."), rows=2)
    logs = _words(_("2. What the logs say"), rows=2)
    verification = _words(_("3. What the guarantees say"), _("Compare with the engineering guarantees."), rows=2)


class RootCauseForm(forms.Form):
    """Why it happened."""

    text = _words(_("Root cause"), _("Why it could happen, and why nothing stopped it earlier."), rows=5)
    evidence = forms.CharField(
        label=_("Evidence"),
        required=False,
        max_length=1000,
        help_text=_("A commit, a log line, a query: where to see it."),
    )


class AcceptForm(forms.Form):
    """How the harm was put right although history keeps its rows."""

    reason = _words(_("How the harm was put right"), _("Name the transfers that corrected it."), rows=2)


class ResolveForm(forms.Form):
    """How it ended."""

    resolution = _words(_("How it ended"), _("What was changed, so that it does not come again."), rows=3)


class DismissForm(forms.Form):
    """Why an incident is a false alarm."""

    reason = forms.ChoiceField(label=_("Reason"), choices=[(code, REASONS[code]) for code in DISMISS_REASONS])
    note = _words(_("Note"), _("What you looked at to be sure."), rows=2)


class ReportForm(forms.Form):
    """An incident that a person saw and no check."""

    kind = forms.ChoiceField(label=_("What it is"), choices=[(k, k.replace("_", " ")) for k in sorted(KINDS)])
    severity = forms.ChoiceField(
        label=_("Severity"),
        required=False,
        choices=[("", _("as the kind says")), *((severity, severity) for severity in SEVERITIES)],
        help_text=_("A P0 pauses its scope at once."),
    )
    title = forms.CharField(label=_("What was seen"), max_length=300, help_text=_("One sentence with the numbers."))
    program = forms.ChoiceField(label=_("Program"), required=False)
    tenant = AccountField(required=False, help_text=_("Its name or id; empty when it concerns all."))
    check_name = forms.ChoiceField(
        label=_("Check"), required=False, help_text=_("The check that has to be green before it ends.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        program, check = self.fields["program"], self.fields["check_name"]
        assert isinstance(program, forms.ChoiceField)
        assert isinstance(check, forms.ChoiceField)
        program.choices = [("", _("the platform")), *((name, program_title(name)) for name in known_programs())]
        check.choices = [("", _("none")), *((name, name) for name in sorted(REGISTRY))]


class CloseGateForm(forms.Form):
    """A pause by hand."""

    program = forms.ChoiceField(label=_("Program"))
    mode = forms.ChoiceField(label=_("What stops"), choices=[(mode, MODE_LABELS[mode]) for mode in reversed(MODES)])
    tenant = AccountField(required=False, help_text=_("Its name or id. Empty pauses the program for every customer."))
    reason = _words(_("Reason"), _("Customers read this. Name no provider and no other customer."), rows=2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        program = self.fields["program"]
        assert isinstance(program, forms.ChoiceField)
        program.choices = [(name, program_title(name)) for name in known_programs()]


class FlagForm(forms.Form):
    """A named switch, for one account or for all."""

    name = forms.CharField(label=_("Flag"), max_length=FLAG_NAME_MAX_CHARACTERS)
    value = forms.CharField(label=_("Value"), max_length=1000, help_text='JSON: true, false, 20, "text"')
    reason = forms.CharField(label=_("Why"), max_length=REASON_MAX_CHARACTERS)

    def clean_value(self) -> object:
        """The value that the JSON text means."""
        try:
            return json.loads(self.cleaned_data["value"])
        except ValueError:
            raise ValidationError(_("This is not JSON. Write a text between double quotes.")) from None
