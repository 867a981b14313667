"""Where a person is signed in and was last seen there, for the list of their sessions.

allauth's own middleware reads and writes the session's row at every request, which was a third of the work of a small
page. Here a browser or an address that is new is written at once, and the same one again once a minute.
"""

from collections.abc import Callable
from time import monotonic

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponseBase

from .limits import SESSION_SEEN_EVERY_S, SESSIONS_SEEN_MAX_COUNT
from .middleware import client_ip

Respond = Callable[[HttpRequest], HttpResponseBase]


class SessionActivityMiddleware:
    """Writes the session's row when it is due. Each process keeps its own mind, so several may write in one minute."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response
        self.seen: dict[tuple[str, str, str], float] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.session.session_key and request.user.is_authenticated and self._is_due(request):
            UserSession.objects.create_from_request(request)
        return self.get_response(request)

    def _is_due(self, request: HttpRequest) -> bool:
        who = (request.session.session_key or "", client_ip(request), request.headers.get("User-Agent", "")[:500])
        now = monotonic()
        if now - self.seen.get(who, -SESSION_SEEN_EVERY_S) < SESSION_SEEN_EVERY_S:
            return False
        if len(self.seen) >= SESSIONS_SEEN_MAX_COUNT:
            self.seen.clear()
        self.seen[who] = now
        return True
