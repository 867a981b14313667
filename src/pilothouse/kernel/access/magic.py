"""Sign-in by a link in a mail: one time, 15 minutes, for one person.

The link opens a page with a button. Mail scanners that open links do not press buttons, so they do not use it up.
"""

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import verify_email_indirectly
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.signup import send_unknown_account_mail
from allauth.account.models import Login
from allauth.account.utils import filter_users_by_email
from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from sesame.utils import get_token, get_user

from pilothouse.kernel.base import clock

from .limits import MAGIC_LINK_LIFE_MINUTES

SCOPE = "magic_link"


def send_magic_link(request: HttpRequest, email: str) -> bool:
    """Mail a sign-in link; False when this address or this caller has asked too often.

    An unknown address gets a mail that says so, and the page says the same in both cases: nobody can find out here
    who has an account. Links and codes share one budget.
    """
    if not ratelimit.consume(request, action="request_login_code", key=email.lower()):
        return False
    people = filter_users_by_email(email, is_active=True, prefer_verified=True)
    if not people:
        send_unknown_account_mail(request, email)
        return True
    context = {"url": magic_link(people[0]), "minutes": MAGIC_LINK_LIFE_MINUTES}
    get_adapter(request).send_mail("account/email/magic_link", email, context)
    return True


def magic_link(person: User) -> str:
    """The address that signs this person in once, within MAGIC_LINK_LIFE_MINUTES."""
    return settings.SITE_URL + reverse("access_magic_link", kwargs={"token": get_token(person, scope=SCOPE)})


def person_of(token: str) -> User | None:
    """Whom the link would sign in, or None when it was used, is too old, or never was. Uses nothing up."""
    found: User | None = get_user(token, scope=SCOPE, max_age=MAGIC_LINK_LIFE_MINUTES * 60, update_last_login=False)
    return found


def sign_in(request: HttpRequest, token: str) -> HttpResponse | None:
    """Use the link: the answer of the sign-in (which may still ask for a second factor), or None when it is gone.

    The token holds the person's last sign-in. The conditional UPDATE moves that on, so of two who press the button
    at once one finds it moved.
    """
    person = person_of(token)
    if person is None:
        return None
    taken = get_user_model().objects.filter(pk=person.pk, last_login=person.last_login).update(last_login=clock.now())
    if not taken:
        return None
    person.refresh_from_db(fields=["last_login"])
    record_authentication(request, person, method="magic_link", email=person.email)
    verify_email_indirectly(request, person, person.email)
    answer: HttpResponse = perform_login(request, Login(user=person, email=person.email))
    return answer
