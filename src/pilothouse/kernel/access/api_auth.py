"""How the JSON API asks who calls."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from pilothouse.kernel.base.errors import Forbidden

from .authenticate import authenticate, enforce_csrf, operator_of
from .errors import SignInNeeded
from .principal import OperatorPrincipal, Principal, require

OPERATOR_WRITERS = ("admin", "operator")


class KeyOrSession(HttpBearer):
    """Bearer key, or the session of a signed-in person with its CSRF token. Documented as bearer in /openapi.json."""

    def __call__(self, request: HttpRequest) -> Principal:
        """The caller; what `authenticate` raises becomes the answer."""
        return authenticate(request)

    def authenticate(self, request: HttpRequest, token: str) -> Principal:
        """The caller of a request with this token, for ninja's own way of asking."""
        return authenticate(request)


def caller(request: HttpRequest, scope: str) -> Principal:
    """The caller of the running operation, who must hold `scope`. Raises MissingScope or Forbidden."""
    principal: Principal = request.auth  # type: ignore[attr-defined]
    require(principal, scope)
    return principal


def mode_of(principal: Principal) -> str | None:
    """The mode to which a key is bound: a test key neither sees nor touches live work. None for a person, who sees
    both."""
    return principal.mode if principal.key is not None else None


def entry_of(principal: Principal) -> str:
    """How a command came in: `api` by key, `page` by a person's session."""
    return "api" if principal.key is not None else "page"


def operator_session(request: HttpRequest) -> OperatorPrincipal:
    """A signed-in operator who may change things, with the page's own CSRF token. A key is nobody here."""
    user = request.user
    if not user.is_authenticated:
        raise SignInNeeded()
    role = operator_of(request)
    if role not in OPERATOR_WRITERS:
        raise Forbidden(needed="an operator who may change this")
    enforce_csrf(request)
    return OperatorPrincipal(int(user.pk), user.email, role)
