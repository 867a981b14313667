"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.sealing import seal, unseal

from .known_devices import known_device, remember_device
from .language import keep_language, known

# Messages that only repeat what the page itself shows.
SILENT = ("account/messages/logged_in.txt", "account/messages/logged_out.txt", "account/messages/login_code_sent.txt")


class InvitationOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up alone: people join by invitation, and credits come only through a pilot (requirement C16)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether the sign-up page may create an account: never."""
        return False

    def post_login(self, request: HttpRequest, user: Any, **how: Any) -> HttpResponse:
        """The answer of a completed sign-in, by whatever means; the browser is known from now on."""
        response: HttpResponse = super().post_login(request, user, **how)
        remember_device(request, response, user.email)
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if known(chosen):
            keep_language(user.pk, chosen, replace=False)
        return response

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """What wrong tries are counted under: the address, and apart from strangers' the browser it signed in from."""
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        device = known_device(request, credentials.get("email", ""))
        return f"{key}:{device}" if device else key

    def format_email_subject(self, subject: str) -> str:
        """The subject as the template has it; it names the product where that helps."""
        return subject

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """The mail, whose templates know the product's name and the address to sign in at."""
        more = {"product_name": settings.PRODUCT_NAME, "sign_in_url": settings.SITE_URL + reverse("account_login")}
        mail: EmailMessage = super().render_mail(template_prefix, email, {**context, **more}, headers)
        return mail

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The address in the mail, from our own setting: a forged Host header must not choose where a link leads."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return settings.SITE_URL + path.replace("UID-KEY", key)

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Add a page message, unless the page says the same already; the product never cheers."""
        if message_template in SILENT and level <= messages.SUCCESS:
            return
        super().add_message(request, level, message_template, message_context, extra_tags, message)


class SealedMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps the seeds of authenticator apps encrypted at rest: a copy of the database must not make codes."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "unverified_email": _("Sign in once by a mailed code or link first. That proves your mail address is yours."),
    }

    def encrypt(self, text: str) -> str:
        """The text as it is stored."""
        return seal("mfa", text.encode())

    def decrypt(self, encrypted_text: str) -> str:
        """The text again."""
        return unseal("mfa", encrypted_text).decode()

    def get_totp_issuer(self) -> str:
        """The name above the code in the app."""
        return str(settings.PRODUCT_NAME)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The name and the host that a passkey is bound to."""
        return {**super().get_public_key_credential_rp_entity(), "name": str(settings.PRODUCT_NAME)}
