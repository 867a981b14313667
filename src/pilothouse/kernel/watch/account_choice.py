"""Which account an operator means: a field that suggests accounts while one types, and whom the words name."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from pilothouse.kernel.access.limits import DESK_SEARCH_MAX_CHARACTERS
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.models import Tenant


class AccountUnknown(NotFound):
    """No account has the name or id that was given."""

    message = "No account has this name or id: {words}."


class AccountUnclear(NotFound):
    """Several accounts have the name that was given."""

    code = "account_unclear"
    status = 409
    message = "Several accounts are called {name}: give the id."


class SuggestingInput(forms.TextInput):
    """A text field with the browser's own list of suggestions: fixed ones, or what the page at `asks` answers to what
    was typed. Without scripts it is a text field."""

    def __init__(self, options: Iterable[str] = (), asks: str = "") -> None:
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false"})
        self.options = tuple(options)
        self.asks = asks

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The field and its list."""
        attrs = dict(attrs or {})
        attrs["list"] = f"{attrs.get('id', name)}_list"
        if self.asks:
            attrs |= {
                "hx-get": reverse(self.asks),
                "hx-trigger": "focus once, input changed delay:200ms",
                "hx-target": "next datalist",
            }
        return format_html(
            '{}<datalist id="{}">{}</datalist>',
            super().render(name, value, attrs, renderer),
            attrs["list"],
            format_html_join("", '<option value="{}"></option>', ((option,) for option in self.options)),
        )


class AccountField(forms.CharField):
    """An account by its name or id; `chosen_account` says which one, or why it is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=gettext_lazy("Account"),
            max_length=DESK_SEARCH_MAX_CHARACTERS,
            widget=SuggestingInput(asks="desk:account_names"),
            **{"help_text": gettext_lazy("Its name, or its id (ten_…)."), **kwargs},
        )


def chosen_account(words: str) -> Tenant:
    """The account of this id, or of this name in any case. Needs an operator's scope.

    Raises AccountUnknown and AccountUnclear.
    """
    by_id = Tenant.objects.filter(public_id=words).first()
    if by_id is not None:
        return by_id
    named = list(Tenant.objects.filter(name__iexact=words)[:2])
    if not named:
        raise AccountUnknown(words=words)
    if len(named) > 1:
        raise AccountUnclear(name=named[0].name)
    return named[0]
