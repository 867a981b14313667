"""The door for the card processor's events: `POST /v1/stripe/webhook`."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from pilothouse.kernel.base.errors import PilothouseError, error_body
from pilothouse.kernel.base.json_api import answer, raw_body

from . import limits
from .processor_events import take_event


@csrf_exempt
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Keep one signed event. 200 says that it is kept, now or from before; the worker does what it asks for."""
    request_id = str(getattr(request, "request_id", ""))
    if request.method != "POST":
        return answer(error_body("method_not_allowed", "Send it by POST.", {}, request_id), 405, {"Allow": "POST"})
    try:
        payload = raw_body(request, limits.WEBHOOK_BODY_MAX_BYTES)
        new = take_event(payload, request.headers.get("Stripe-Signature", ""))
    except PilothouseError as refused:
        return answer(refused.as_json(request_id), refused.status, refused.headers)
    return answer({"ok": True, "known": not new})
