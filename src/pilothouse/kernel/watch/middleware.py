"""Stands around every request, so that what it is refused with, or fails of, is known by its place."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from pilothouse.kernel.base.refusals import noting

from .error_log import current_request, record_refusal


class ErrorLogMiddleware:
    """Records each refusal that the request was answered with; an error of ours finds its request here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = current_request.set(request)
        try:
            with noting() as refusals:
                response = self.get_response(request)
        finally:
            current_request.reset(token)
        for error in refusals:
            if error.status < 500:
                record_refusal(error, request.resolver_match, str(getattr(request, "request_id", "")))
        return response
