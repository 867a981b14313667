"""How allauth behaves here."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitationOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up alone: people join by invitation, and credits come only through a pilot (requirement C16)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether the sign-up page may create an account: never."""
        return False
