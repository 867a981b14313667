"""The form of a new batch: what it costs before the click, one way with the API, nothing lost and nothing twice."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from pilothouse.kernel.access.usage import USAGE
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.terms.commands import publish_body
from pilothouse.kernel.watch.gates import close_gate
from pilothouse.programs.video import limits
from pilothouse.programs.video.models import Batch, Item
from pilothouse.programs.video.new_batch import PasteRefused, parse_metadata, pasted_rows, ranges
from pilothouse.programs.video.prices import publish_default_price

sys.path.insert(0, str(Path(__file__).parent))
from console import Customer

pytestmark = pytest.mark.house
URL = "/batches/new"
NUMBERS = iter(range(1, 10_000))


@pytest.fixture(scope="module")
def module_customer(module_house: Any) -> Customer:
    with worker_scope():
        publish_default_price()
    return Customer(module_house, "Northwind", 1_000)


@pytest.fixture
def ours(module_customer: Customer, shared_house: Any) -> Iterator[Customer]:
    yield module_customer
    # The log of calls is written behind; its house must still be there.
    USAGE.flush()


@pytest.fixture
def engineer(ours: Customer) -> Client:
    return ours.browser("engineer")


def sign_in(browser: Client, ours: Customer) -> None:
    """The session goes on, as it does at the sign-in form."""
    person = get_user_model().objects.get(email=f"engineer@{ours.domain}")
    browser.force_login(person, "django.contrib.auth.backends.ModelBackend")


def png(colour: str = "teal") -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "PNG")
    return SimpleUploadedFile("mug.png", file.getvalue(), "image/png")


def form(count: int = 10, do: str = "review", **more: Any) -> dict[str, Any]:
    """What a browser sends of a filled form."""
    fields: dict[str, Any] = {
        "request_id": f"page-order-{next(NUMBERS)}", "mode": "live", "webhook_url": "", "rows": str(count), "do": do,
    }  # fmt: skip
    for n in range(count):
        fields |= {f"item-{n}-prompt": f"A vase {n}", f"item-{n}-aspect": "1:1", f"item-{n}-seconds": "3"}
    return {**fields, **more}


def hidden(page: str) -> dict[str, str]:
    """The fields that the review carries."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}


def review(client: Client, given: dict[str, Any]) -> str:
    answer = client.post(URL, given)
    page = str(answer.content.decode())
    assert answer.status_code == 200, page
    assert 'value="create"' in page, page
    return page


def batches(ours: Customer) -> int:
    with tenant_scope(ours.tenant.id):
        return Batch.objects.count()


def held(ours: Customer) -> tuple[int, int]:
    with tenant_scope(ours.tenant.id):
        found = balance(ours.tenant.id)
    return found.available, found.held


def refused(client: Client, ours: Customer, given: dict[str, Any]) -> str:
    """The page that a form comes back with; nothing may have been created or reserved, and nothing typed be lost."""
    before = batches(ours), held(ours)
    answer = client.post(URL, given)
    page = str(answer.content.decode())
    assert answer.status_code == 200, page
    assert 'value="create"' not in page
    assert "Nothing was created or reserved." in page
    assert (batches(ours), held(ours)) == before
    for name, value in given.items():
        if isinstance(value, str) and value and name not in ("do", "rows", "terms"):
            assert escape(value.strip()) in page, (name, value)
    return page


def test_review_then_create_makes_what_the_api_makes(ours: Customer, engineer: Client) -> None:
    available, in_flight = held(ours)
    given = form(**{"item-0-metadata": "sku=MUG-01, colour=blue"})
    page = review(engineer, given)
    assert "10 videos at 10\xa0credits each" in page
    amounts = re.findall(r'<data class="amount" value="(-?\d+)"', page.partition("review-lines")[2])
    assert amounts[:3] == ["100", str(available), str(available - 100)]
    answer = engineer.post(URL, {**hidden(page), "do": "create"})
    assert answer.status_code == 302, answer.content.decode()
    assert held(ours) == (available - 100, in_flight + 100)
    body = [
        {"params": {"prompt": f"A vase {n}", "aspect": "1:1", "seconds": 3},
         "metadata": {"sku": "MUG-01", "colour": "blue"} if n == 0 else {}}
        for n in range(10)
    ]  # fmt: skip
    twin = ours.api("/v1/batches", {"request_id": given["request_id"] + "-api", "items": body})["batch_id"]
    with tenant_scope(ours.tenant.id):
        page_batch = Batch.objects.get(request_id=given["request_id"])
        api_batch = Batch.objects.get(public_id=twin)
        assert answer.url == f"/batches/{page_batch.public_id}/"
        assert page_batch.fingerprint == api_batch.fingerprint
        assert (page_batch.entry, page_batch.created_by) == ("page", "user:engineer@northwind.example")
        assert Item.objects.get(batch=page_batch, position=1).metadata == body[0]["metadata"]
    # The same request_id by key is the same batch: nothing is created.
    same = ours.api("/v1/batches", {"request_id": given["request_id"], "items": body})
    assert same["batch_id"] == page_batch.public_id


def test_a_second_click_and_a_second_tab_create_nothing_more(ours: Customer, engineer: Client) -> None:
    fields = {**hidden(review(engineer, form())), "do": "create"}
    first, before = engineer.post(URL, fields), batches(ours)
    tab = ours.browser("engineer")
    assert tab.post(URL, fields).url == first.url
    assert batches(ours) == before
    assert "accepted before" in tab.get(first.url).content.decode()
    # The id with other videos is refused beside its field, before and at the click.
    assert "This id belongs to batch" in refused(engineer, ours, {**form(), "request_id": fields["request_id"]})
    assert "ordered with another body" in refused(engineer, ours, {**fields, "item-0-prompt": "Another vase"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"item-3-prompt": ""}, "Say what the video shows, or remove this row."),
        ({"item-3-seconds": "13"}, "less than or equal to 12"),
        ({"item-3-seconds": "x"}, "Enter a whole number."),
        ({"item-3-aspect": "4:3"}, "is not one of the available choices"),
        ({"item-3-metadata": "no equals sign"}, "Write metadata as name=value"),
        ({"item-3-metadata": "{broken"}, "not a JSON object"),
        ({"item-3-prompt": "long " * 1_000}, "at most 4000 characters"),
        ({"request_id": "two\tlines"}, "must not hold control characters"),
        ({"webhook_url": "http://hooks.example/x"}, "https"),
        ({"webhook_url": "https://127.0.0.1/x"}, "field-error"),
    ],
)
def test_an_error_stands_beside_its_field(ours: Customer, engineer: Client, change: dict[str, str], said: str) -> None:
    page = refused(engineer, ours, form(**change))
    assert said in page
    if any(name.startswith("item-3") for name in change):
        assert "Look at video 4." in page


def test_too_few_too_many_and_too_dear(ours: Customer, engineer: Client) -> None:
    assert "10 to 50 videos; this one has 2" in refused(engineer, ours, form(2))
    assert "10 to 50 videos; this one has 51" in refused(engineer, ours, form(51))
    poor = engineer
    available, _held = held(ours)
    for _each in range((available - 10) // 500):
        poor.post(URL, {**hidden(review(poor, form(50))), "do": "create"})
    while held(ours)[0] >= 500:
        poor.post(URL, {**hidden(review(poor, form(50))), "do": "create"})
    left = held(ours)[0]
    assert f"needs 500 credits and the wallet holds {left}" in refused(poor, ours, form(50))
    # A test is free: the same wallet takes it.
    page = review(poor, form(50, mode="test"))
    assert "nothing is charged" in page
    assert poor.post(URL, {**hidden(page), "do": "create"}).status_code == 302
    assert held(ours)[0] == left


def test_a_price_that_changed_is_asked_again(ours: Customer, engineer: Client) -> None:
    fields = {**hidden(review(engineer, form(mode="test"))), "do": "create"}
    before = batches(ours)
    with worker_scope():
        publish_body("video_price", "standard", {"cost_per_video": 12}, note="dearer")
    try:
        page = engineer.post(URL, fields).content.decode()
        assert "The price has changed" in page
        assert "10 videos at 12" in page
        assert batches(ours) == before
        assert engineer.post(URL, {**hidden(page), "do": "create"}).status_code == 302
    finally:
        with worker_scope():
            publish_default_price()
    assert batches(ours) == before + 1


def test_rows_are_added_duplicated_removed_and_pasted(engineer: Client) -> None:
    def prompts(given: dict[str, Any]) -> list[str]:
        page = engineer.post(URL, given).content.decode()
        return [each.strip() for each in re.findall(r'<textarea name="item-\d+-prompt"[^>]*>([^<]*)</textarea>', page)]

    assert prompts(form(2, "add")) == ["A vase 0", "A vase 1", ""]
    assert prompts(form(2, "duplicate-0")) == ["A vase 0", "A vase 0", "A vase 1"]
    assert prompts(form(2, "remove-0")) == ["A vase 1"]
    assert prompts(form(2, "remove-9")) == ["A vase 0", "A vase 1"]
    assert prompts(form(2, "paste", paste="One\r\n\r\nTwo", **{"item-1-prompt": ""})) == ["A vase 0", "One", "Two"]
    page = engineer.post(URL, form(2, "paste", paste="")).content.decode()
    assert "Paste one prompt a line" in page
    full = engineer.post(URL, form(limits.FORM_ITEMS_MAX_COUNT, "add")).content.decode()
    assert "This page takes 100 videos" in full


def test_images_are_kept_while_the_form_is_corrected(ours: Customer, engineer: Client) -> None:
    bad = form(mode="test", **{"item-0-upload": png(), "shared_upload": png("red"), "item-3-prompt": ""})
    page = engineer.post(URL, bad).content.decode()
    assert page.count("mug.png") >= 2
    own, shared = (
        re.findall(rf'name="{name}" value="(file_[0-9a-z]+)"', page)[0] for name in ("item-0-image", "shared_image")
    )
    good = {k: v for k, v in bad.items() if "upload" not in k}
    good |= {"item-0-image": own, "shared_image": shared, "item-3-prompt": "A vase"}
    engineer.post(URL, {**hidden(review(engineer, good)), "do": "create"})
    with tenant_scope(ours.tenant.id):
        batch = Batch.objects.get(request_id=good["request_id"])
        images = list(Item.objects.filter(batch=batch).order_by("position").values_list("image", flat=True))
    assert images == [own, *[shared] * 9]
    text = SimpleUploadedFile("a.png", b"not an image", "image/png")
    page = engineer.post(URL, form(**{"item-2-upload": text})).content.decode()
    assert "accepted here" in page
    assert "Look at video 3." in page


def test_what_a_signed_out_person_sent_is_there_after_sign_in(ours: Customer) -> None:
    browser = Client()
    account = ours.tenant.public_id
    answer = browser.post(URL, form(3, "create", for_account=account, request_id="kept-1"))
    assert answer.url == "/account/login/?next=/batches/new"
    sign_in(browser, ours)
    page = browser.get(URL).content.decode()
    assert "What you typed is here again" in page
    assert 'value="kept-1"' in page
    assert "A vase 2" in page
    assert "What you typed is here again" not in browser.get(URL).content.decode()
    other = Client()
    other.post(URL, form(3, for_account="ten_somebody_else", request_id="kept-2"))
    sign_in(other, ours)
    assert "kept-2" not in other.get(URL).content.decode()


def test_finance_is_refused_with_the_reason(ours: Customer) -> None:
    finance = ours.browser("finance")
    for answer in (finance.get(URL), finance.post(URL, form(do="create"))):
        assert answer.status_code == 403
    assert URL not in finance.get("/batches/").content.decode()


def test_a_closed_gate_is_named_and_nothing_is_created(ours: Customer, engineer: Client) -> None:
    fields = {**hidden(review(engineer, form(mode="test"))), "do": "create"}
    before = batches(ours)
    with worker_scope("operator:test"):
        close_gate("video", "We are moving house.", tenant=ours.tenant.id)
    page = engineer.post(URL, fields).content.decode()
    assert "We are moving house." in page
    assert 'value="create"' not in page
    assert batches(ours) == before


def test_a_table_is_read_by_its_head() -> None:
    table = 'prompt;aspect;seconds;sku\n"A mug; blue";16:9;5;MUG-01\nA plate;;;\n'
    first, second = pasted_rows(table)
    assert (first["prompt"], first["aspect"], first["seconds"]) == ("A mug; blue", "16:9", "5")
    assert parse_metadata(first["metadata"]) == {"sku": "MUG-01"}
    assert (second["prompt"], second["aspect"], second["metadata"]) == ("A plate", "9:16", "")
    (reel,) = pasted_rows("Prompt,Platform\nA shoe,YouTube")
    assert reel["aspect"] == "16:9"
    assert [row["prompt"] for row in pasted_rows("prompt\nA, b")] == ["A, b"]
    assert [row["prompt"] for row in pasted_rows("A mug, blue\nA prompt, green")] == ["A mug, blue", "A prompt, green"]
    for broken in ("", "\n \n", 'prompt,sku\n"open', "prompt,sku"):
        with pytest.raises(PasteRefused):
            pasted_rows(broken)
    assert ranges([1, 2, 3, 7]) == "1–3, 7"
