"""`{% csrf_token %}` of every form, which also says to which account the page belongs.

A person may have two accounts open in two tabs. The form carries the account of its own page, so that the page guard
refuses one that was drawn for another account than the one the person works in now.
"""

from django import template
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
ACCOUNT_FIELD = "for_account"


class FormTokens(CsrfTokenNode):
    """The token against forged requests and, where the page has one, its account's public id (`account_id`)."""

    def render(self, context: Context) -> SafeString:
        """The hidden fields."""
        account = context.get("account_id")
        token = SafeString(super().render(context))
        if not account:
            return token
        return token + format_html('<input type="hidden" name="{}" value="{}">', ACCOUNT_FIELD, account)


@register.tag("csrf_token")
def csrf_token(parser: Parser, token: Token) -> FormTokens:
    """Stands for Django's own tag in all templates (settings, `builtins`)."""
    return FormTokens()
