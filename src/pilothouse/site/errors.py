"""The pages and answers of errors that no view caught: JSON under /v1, a page elsewhere."""

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from pilothouse.kernel.base.errors import PilothouseError, error_body
from pilothouse.kernel.base.json_api import answer
from pilothouse.kernel.base.refusals import note_refusal

log = structlog.get_logger(__name__)
SENTENCES = {
    400: ("malformed_request", "The request could not be understood."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    500: (PilothouseError.code, PilothouseError.message),
}


OLD_FORM = gettext_noop("This page was open for too long. Go back, reload it and send the form again.")


def is_api(path: str) -> bool:
    """Whether this address is the JSON API's."""
    return path == "/v1" or path.startswith("/v1/")


def _show(request: HttpRequest, status: int, **context: object) -> HttpResponse:
    code, sentence = SENTENCES[status]
    request_id = str(getattr(request, "request_id", ""))
    if is_api(request.path):
        return answer(error_body(code, sentence, {}, request_id), status)
    return render(request, f"ui/errors/{status}.html", {"request_id": request_id, **context}, status=status)


def refusal(request: HttpRequest, error: PilothouseError) -> HttpResponseBase:
    """The answer to a request that is refused before anybody looked at who sent it: JSON or one plain sentence."""
    if is_api(request.path):
        return answer(error.as_json(str(getattr(request, "request_id", ""))), error.status, error.headers)
    return HttpResponse(f"{error}\n", status=error.status, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """A request that Django itself refused."""
    return _show(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """A page that this person may not see."""
    return _show(request, 403, reason=str(exception) if isinstance(exception, PilothouseError) else "")


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """No such address, or a thing of somebody else: the two are never told apart."""
    return _show(request, 404)


def failed(request: HttpRequest) -> HttpResponseBase:
    """Our own mistake. Nothing was changed: a request is one transaction."""
    return _show(request, 500)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """A form whose page is too old; what was typed is not lost when the person goes back."""
    return _show(request, 403, reason=_(OLD_FORM))


def _method_not_allowed(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    """The router's own answer has no body of ours; its Allow header stays."""
    allowed = response.headers.get("Allow", "")
    sentence = f"This address takes {allowed}." if allowed else "This address does not take this method."
    shown = error_body("method_not_allowed", sentence, {"allowed": allowed}, str(getattr(request, "request_id", "")))
    return answer(shown, 405, {"Allow": allowed})


class PageErrors:
    """Middleware: an expected refusal raised by a page becomes its own status and sentence.

    A method that an API address does not take gets the API's error shape, which the router does not know.
    """

    def __init__(self, get_response: object) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self.get_response(request)  # type: ignore[operator]
        if response.status_code == 405 and is_api(request.path):
            return _method_not_allowed(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """The page of a PilothouseError; None leaves anything else to handler500."""
        if not isinstance(exception, PilothouseError) or exception.status >= 500:
            return None
        note_refusal(exception)
        status = exception.status if exception.status in (400, 403, 404, 409, 429) else 400
        context = {"reason": str(exception), "request_id": str(getattr(request, "request_id", ""))}
        return render(request, f"ui/errors/{status}.html", context, status=exception.status)
