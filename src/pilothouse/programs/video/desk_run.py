"""Sends the same videos through both entry points of this house: the new-batch form's path, and the API over HTTP."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pilothouse.kernel.access.commands import issue_key, revoke_key
from pilothouse.kernel.access.desk import commanding
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, InvalidInput
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.files.commands import StoredObject, discarded_on_error, put_object
from pilothouse.kernel.files.content import IMAGES
from pilothouse.kernel.files.models import File
from pilothouse.kernel.files.storage import store
from pilothouse.kernel.watch.account_choice import AccountField, chosen_account

from . import desk_reads, intake, limits
from .commands import create_batch
from .new_batch import Typed
from .uploads import record_inputs

ACCOUNT_NAME = "Parity proof (ours)"
ACCOUNT_MARK = "parity_proof"
MODES = (
    ("test", gettext_lazy("Test: free, made by the simulated provider")),
    ("live", gettext_lazy("Live: paid from the account's wallet, made by the configured provider")),
)


class ParityForm(forms.Form):
    """What is sent twice: an existing batch's videos, or prompts typed here."""

    batch = forms.CharField(
        label=gettext_lazy("Repeat the videos of a batch"),
        required=False,
        max_length=64,
        help_text=gettext_lazy("Its id, bat_…"),
    )
    prompts = forms.CharField(
        label=gettext_lazy("Or these prompts"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("One video a line, at most 20, three seconds each."),
    )
    mode = forms.ChoiceField(label=gettext_lazy("Made how"), choices=MODES)
    account = AccountField(
        required=False,
        help_text=gettext_lazy("Its name or id. Empty is an account of ours, which has no customers and no webhooks."),
    )

    def clean(self) -> dict[str, Any]:
        """Either a batch or prompts, and not too many."""
        given: dict[str, Any] = super().clean() or {}
        given["prompts"] = [line.strip() for line in given.get("prompts", "").splitlines() if line.strip()]
        if bool(given.get("batch")) == bool(given["prompts"]):
            raise ValidationError({"batch": _("Give either a batch or prompts.")})
        if len(given["prompts"]) > limits.DESK_PARITY_PROMPTS_MAX_COUNT:
            raise ValidationError({"prompts": _("At most 20 videos.")})
        return given


def run_both_ways(request: HttpRequest, operator: OperatorPrincipal, given: dict[str, Any]) -> tuple[str, str]:
    """The public ids of two batches of the same videos: the form's, and the API's.

    1. Images of another account are copied byte for byte into the one that pays, so that fingerprints stay the same.
    2. The form's path: the fields as a browser would send them, its parser, the same command. 3. The API's path: an
    HTTP POST to this house with a key that is issued for it and revoked after it. Raises what either path refuses.
    """
    with commanding(request, operator):
        items = _items(given)
        account = chosen_account(given["account"]) if given["account"] else _account_of_ours()
        images = _images_of_others(items, account)
    _copy_images(items, images, account, operator)
    run = new_id("parity")
    typed = Typed.of(QueryDict(_as_form(f"{run}-page", given["mode"], items)))
    head, rows = typed.forms(judged=True)
    if not all([head.is_valid(), *(row.is_valid() for row in rows)]):
        raise InvalidInput(reason=_("The form refuses these videos: open them in the new-batch page to see why."))
    with tenant_scope(account.id, operator.actor):
        page = create_batch(f"{run}-page", intake.items(typed.body()), entry="page", mode=given["mode"])
    return page.batch_id, _by_api(operator, account, f"{run}-api", given["mode"], items)


def _items(given: dict[str, Any]) -> list[dict[str, Any]]:
    if given["prompts"]:
        return [
            {"params": {"prompt": prompt, "aspect": "9:16", "seconds": 3}, "metadata": {}}
            for prompt in given["prompts"]
        ]
    side = desk_reads.parity_side(given["batch"])
    if len(side.items) < side.batch["total"]:
        raise InvalidInput(reason=_("That batch is too large to be repeated here."))
    return [{"params": {**item["params"], "image": item["image"]}, "metadata": item["metadata"]} for item in side.items]


def _images_of_others(items: list[dict[str, Any]], account: Tenant) -> list[File]:
    """The images of the items that lie in another account. Raises InvalidInput when one was removed since."""
    wanted = {item["params"].get("image") for item in items} - {None}
    found = list(File.objects.filter(public_id__in=wanted, state="stored"))
    if len(found) < len(wanted):
        raise InvalidInput(reason=_("An image of that batch was removed since, so it cannot be repeated."))
    return [file for file in found if file.tenant_id != account.id]


def _copy_images(items: list[dict[str, Any]], images: list[File], account: Tenant, operator: OperatorPrincipal) -> None:
    """Put copies of the images into the account and name them in the items."""
    stored: list[StoredObject] = []
    with discarded_on_error(stored):
        # They were made clean when they came in; cleaned again they would be other bytes.
        stored += [put_object(account.id, store().read(file.storage_key), IMAGES) for file in images]
        if stored:
            with tenant_scope(account.id, operator.actor):
                record_inputs(stored)
    copies = {file.public_id: copy.public_id for file, copy in zip(images, stored, strict=True)}
    for item in items:
        image = item["params"].get("image")
        item["params"]["image"] = copies.get(image, image)


def _account_of_ours() -> Tenant:
    ours = Tenant.objects.filter(**{f"settings__{ACCOUNT_MARK}": True}).order_by("id").first()
    if ours is not None:
        return ours
    sizes = {"batch_items_min": 1, "batch_items_max": limits.DESK_PARITY_ITEMS_MAX_COUNT}
    return Tenant.objects.create(name=ACCOUNT_NAME, settings={ACCOUNT_MARK: True, **sizes}, created_at=clock.now())


def _as_form(request_id: str, mode: str, items: list[dict[str, Any]]) -> str:
    """The body that a browser sends for these videos."""
    fields: Row = {"request_id": request_id, "mode": mode, "webhook_url": "", "rows": str(len(items))}
    for n, item in enumerate(items):
        fields |= {
            f"item-{n}-prompt": item["params"]["prompt"],
            f"item-{n}-aspect": item["params"]["aspect"],
            f"item-{n}-seconds": str(item["params"]["seconds"]),
            f"item-{n}-image": item["params"].get("image") or "",
            f"item-{n}-metadata": json.dumps(item["metadata"], ensure_ascii=False),
        }
    return urlencode(fields)


def _by_api(
    operator: OperatorPrincipal, account: Tenant, request_id: str, mode: str, items: list[dict[str, Any]]
) -> str:
    with tenant_scope(account.id, operator.actor):
        key, raw = issue_key(
            account.id,
            f"Parity proof by {operator.email}"[:100],
            "test" if mode == "test" else "pilot",
            ["batches:write"],
        )
    try:
        answer = httpx.post(
            f"{settings.SITE_URL}/v1/batches",
            json={"request_id": request_id, "items": items},
            headers={"Authorization": f"Bearer {raw}"},
            timeout=limits.DESK_API_TIMEOUT_S,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Conflict(reason=_("The API did not answer: %(why)s") % {"why": type(error).__name__}) from error
    finally:
        with tenant_scope(account.id, operator.actor):
            revoke_key(account.id, key.public_id, role="operator")
    if answer.status_code >= 300:
        raise Conflict(reason=_("The API refused: %(why)s") % {"why": answer.json()["error"]["message"]})
    return str(answer.json()["batch_id"])
