"""Forms of the outbox's pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .limits import DESCRIPTION_MAX_CHARACTERS, URL_MAX_CHARACTERS


class EndpointForm(forms.Form):
    """An address that gets events. It is judged by the command, whose sentence stands beside the field."""

    url = forms.CharField(
        label=_("Address"),
        max_length=URL_MAX_CHARACTERS,
        help_text=_("It takes a POST over https and answers 200 within 10 seconds."),
        widget=forms.TextInput(
            attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    mode = forms.ChoiceField(
        label=_("Told of"),
        required=False,
        choices=[
            ("live", _("Live batches: real videos, paid from the wallet")),
            ("test", _("Test batches: simulated, free")),
        ],
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=DESCRIPTION_MAX_CHARACTERS,
        help_text=_("For your own people: what listens there."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *given: Any, changing: bool = False, **more: Any) -> None:
        super().__init__(*given, **more)
        if changing:
            # What an endpoint is told of stays as it was made, so that no event goes where nobody expects it.
            del self.fields["mode"]
