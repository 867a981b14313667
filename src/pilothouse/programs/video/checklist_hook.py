"""Our own webhook endpoint for the internal checklist: answers 200 to a genuine event and 401 to anything else.

It keeps nothing: a delivery that it acknowledged is a delivery whose signature it believed.
"""

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.outbox.secrets_at_rest import reveal_default_secret

from .demo_receiver import verified
from .limits import CHECKLIST_WITHIN_S, RECEIPT_MAX_BYTES

SALT = "internal checklist webhook"


def hook_path(tenant: int) -> str:
    """The endpoint's path for an account of ours; it works for as long as one run may take."""
    return reverse("video:checklist_hook", args=[signing.dumps(tenant, salt=SALT)])


@csrf_exempt
@require_POST
def checklist_hook(request: HttpRequest, token: str) -> HttpResponse:
    """Take one event. Without a token that we signed lately there is nothing here."""
    try:
        tenant = int(signing.loads(token, salt=SALT, max_age=CHECKLIST_WITHIN_S))
    except signing.BadSignature:
        raise Http404 from None
    if int(request.headers.get("Content-Length") or 0) > RECEIPT_MAX_BYTES:
        return HttpResponse(status=413)
    with tenant_scope(tenant, "checklist"):
        secret = reveal_default_secret()
    return HttpResponse(status=200 if verified(secret, request.body, request.headers) else 401)
