"""The JSON API: one place where rooms' and programs' routers meet, and where every error gets its one shape."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from pilothouse.kernel.access.api_auth import KeyOrSession
from pilothouse.kernel.base.errors import InvalidInput, PilothouseError, error_body
from pilothouse.kernel.base.json_api import answer
from pilothouse.kernel.base.refusals import note_refusal
from pilothouse.kernel.ledger.api import router as ledger_router
from pilothouse.kernel.outbox.api import router as outbox_router
from pilothouse.kernel.payments.api_admin import router as payments_router
from pilothouse.pilots.api import router as pilots_router
from pilothouse.pilots.api_admin import router as pilots_admin_router

from .admin_api import router as admin_router
from .api_examples import fill_examples
from .programs import load_programs

log = structlog.get_logger(__name__)
RETRY_AFTER_S = "2"


class DocumentedAPI(NinjaAPI):
    """An API whose document gives an example of every field."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._documents: dict[str, OpenAPISchema] = {}

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """The OpenAPI 3.1 document. It takes a second of CPU and never changes in a process, so it is made once."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        if prefix not in self._documents:
            schema = super().get_openapi_schema(path_prefix=prefix)
            fill_examples(schema)
            self._documents[prefix] = schema
        return self._documents[prefix]


def build() -> NinjaAPI:
    """The API with the kernel's routers and those of every installed program."""
    api = DocumentedAPI(
        title=f"{settings.PRODUCT_NAME} API",
        version="1.0.0",
        description="Batches of videos with prepaid credits. Amounts are whole credits; instants are ISO 8601 in UTC.",
        docs_url=None,
        openapi_url="/openapi.json",
        urls_namespace="api",
        auth=KeyOrSession(),
        servers=[{"url": settings.SITE_URL}],
    )
    api.add_decorator(_known_query_only, mode="operation")
    api.add_router("/v1", ledger_router)
    api.add_router("/v1", outbox_router)
    api.add_router("/v1/admin", admin_router)
    api.add_router("/v1/admin", payments_router)
    api.add_router("/v1", pilots_router)
    api.add_router("/v1/admin", pilots_admin_router)
    for program in load_programs().values():
        if program.api is not None:
            program.api(api)
    _handle_errors(api)
    return api


def _known_query_only(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a query parameter that the operation does not have: a mistyped filter must not answer with everything."""

    parameters = inspect.signature(operation).parameters.values()
    # `from` is a word of Python, so its parameter has another name inside.
    aliases = {alias for parameter in parameters if (alias := getattr(parameter.default, "alias", None))}

    @wraps(operation)
    def strict(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        for name in request.GET:
            if name not in kwargs and name not in aliases:
                raise InvalidInput(reason=f"There is no query parameter {name[:100]!r} here.")
        return operation(request, *args, **kwargs)

    return strict


def _handle_errors(api: NinjaAPI) -> None:
    @api.exception_handler(PilothouseError)
    def known(request: HttpRequest, error: PilothouseError) -> HttpResponse:
        note_refusal(error)
        return answer(error.as_json(_id(request)), error.status, error.headers)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        first: dict[str, Any] = error.errors[0] if error.errors else {"loc": [], "msg": "the request is invalid"}
        field = ".".join(str(part) for part in first["loc"][1:])
        refused = InvalidInput(reason=f"{field}: {first['msg']}.")
        note_refusal(refused)
        return answer(error_body(refused.code, str(refused), {"field": field}, _id(request)), refused.status)

    @api.exception_handler(HttpError)
    def plain(request: HttpRequest, error: HttpError) -> HttpResponse:
        code = {400: "malformed_request", 401: "invalid_key", 405: "method_not_allowed"}.get(
            error.status_code, "refused"
        )
        return answer(error_body(code, str(error), {}, _id(request)), error.status_code)

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(error_body("not_found", "There is nothing at this address.", {}, _id(request)), 404)

    @api.exception_handler(DisallowedHost)
    def host(request: HttpRequest, error: DisallowedHost) -> HttpResponse:
        return answer(error_body("bad_host", "This host name is not served here.", {}, _id(request)), 400)

    @api.exception_handler(OperationalError)
    def away(request: HttpRequest, error: OperationalError) -> HttpResponse:
        log.warning("database_away", error=str(error)[:300])
        sentence = "The database is not reachable at this moment. Ask again; a repeated request_id is never doubled."
        return answer(error_body("unavailable", sentence, {}, _id(request)), 503, {"Retry-After": RETRY_AFTER_S})

    @api.exception_handler(Exception)
    def unknown(request: HttpRequest, error: Exception) -> HttpResponse:
        log.exception("api_failed", path=request.path)
        return answer(PilothouseError().as_json(_id(request)), 500)


def _id(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))
