"""In which language a person reads: what they chose, else what their account speaks, else what their browser asks for.

A choice is kept in a cookie, which also serves who is not signed in, and with the person, whose mails follow it.
"""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.models import Tenant

from .authenticate import ask, memberships, tenant_of

# Machines read one language; its sentences are part of the documented answers.
MACHINES = ("/v1/", "/healthz", "/readyz", "/metrics")


class LanguageMiddleware(LocaleMiddleware):
    """Activates the reader's language for the request and says it in Content-Language."""

    def process_request(self, request: HttpRequest) -> None:
        """Activate it; `request.LANGUAGE_CODE` is its code."""
        code = settings.LANGUAGE_CODE if request.path.startswith(MACHINES) else language_of(request)
        translation.activate(code)
        request.LANGUAGE_CODE = code


def language_of(request: HttpRequest) -> str:
    """The code of the language in which this request is answered."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if known(chosen):
        return chosen
    return _of_person(request) or translation.get_language_from_request(request)


def _of_person(request: HttpRequest) -> str:
    # Who has no session costs no query; a page that says that the database is away is drawn without it.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return ""
    try:
        if isinstance(getattr(request, "user", AnonymousUser()), AnonymousUser) or not request.user.is_authenticated:
            return ""
        own, here = memberships(request).language, tenant_of(request)
    except DatabaseError:
        return ""
    return next((code for code in (own, here.language if here else "") if known(code)), "")


def known(code: str) -> bool:
    """Whether the house speaks this language."""
    return code in dict(settings.LANGUAGES)


def speak(tenant: int, code: str) -> None:
    """Say what an account's people read until they choose for themselves. Raises InvalidInput."""
    row = Tenant.objects.select_for_update().get(id=tenant)
    Tenant.objects.filter(id=tenant).update(settings={**row.settings, "language": check_language(code)})


def check_language(code: str) -> str:
    """`code` when the house speaks it. Raises InvalidInput."""
    if not known(code):
        codes = ", ".join(dict(settings.LANGUAGES))
        raise InvalidInput(reason=_("The languages here are %(codes)s.") % {"codes": codes})
    return code


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Read in `language` from now on, and go back to `next`."""
    code = check_language(request.POST.get("language", ""))
    if request.user.is_authenticated:
        keep_language(request.user.pk, code)
    back = request.POST.get("next", "")
    # A form that was sent and refused stands at an address of its own, which a GET may not know; its page is safe.
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    answer = HttpResponseRedirect(back if safe else "/")
    answer.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, code, max_age=settings.LANGUAGE_COOKIE_AGE, samesite="Lax", httponly=True,
        secure=settings.SECURE,
    )  # fmt: skip
    return answer


def keep_language(person: int, code: str, *, replace: bool = True) -> None:
    """Keep a person's choice; with `replace=False` only when they have none."""
    ask("keep_language", person=person, language=code, replace=replace)
