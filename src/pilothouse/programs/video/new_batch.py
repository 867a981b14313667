"""The form of a new batch: its fields, its rows, what may be pasted, and how typed text becomes what the API takes."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.outbox.endpoints import check_webhook_url
from pilothouse.ui.links import whole_number

from . import intake, limits
from .intake import PLATFORM_ASPECTS
from .providers.protocol import SIZES

ROW_KEYS = ("prompt", "aspect", "seconds", "metadata", "image", "image_name")
ASPECT_WORDS = {
    "9:16": gettext_lazy("9:16 upright"),
    "16:9": gettext_lazy("16:9 wide"),
    "1:1": gettext_lazy("1:1 square"),
}
DELIMITERS = "\t;,"
FILE_ID = re.compile(r"file_[0-9a-z]{26}")
NAME_MAX_CHARACTERS = 120
Row = dict[str, str]


class PasteRefused(ValueError):
    """What was pasted cannot be read as prompts or as a table; the message is for the person."""


class ItemForm(forms.Form):
    """One video."""

    prompt = forms.CharField(
        label=gettext_lazy("Prompt"),
        max_length=limits.PROMPT_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": gettext_lazy("Say what the video shows, or remove this row.")},
    )
    aspect = forms.ChoiceField(
        label=gettext_lazy("Shape"), choices=[(aspect, ASPECT_WORDS[aspect]) for aspect in sorted(SIZES, reverse=True)]
    )
    seconds = forms.IntegerField(
        label=gettext_lazy("Seconds"), min_value=limits.SECONDS_MIN, max_value=limits.SECONDS_MAX
    )
    metadata = forms.CharField(
        label=gettext_lazy("Metadata"), required=False, max_length=limits.METADATA_TEXT_MAX_CHARACTERS
    )
    image = forms.CharField(required=False, widget=forms.HiddenInput)
    image_name = forms.CharField(required=False, max_length=NAME_MAX_CHARACTERS, widget=forms.HiddenInput)
    upload = forms.FileField(
        label=gettext_lazy("Product image"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )

    def clean_metadata(self) -> str:
        """The metadata stays as typed; it must be readable."""
        text = str(self.cleaned_data["metadata"])
        try:
            parse_metadata(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        return text


class BatchForm(forms.Form):
    """What holds for the whole batch."""

    request_id = forms.CharField(
        label=gettext_lazy("Request ID"),
        max_length=limits.REQUEST_ID_MAX_CHARACTERS,
        help_text=gettext_lazy("Your own id of this order. The same id never makes a second batch."),
    )
    webhook_url = forms.CharField(
        label=gettext_lazy("Webhook address of this batch"),
        required=False,
        max_length=limits.WEBHOOK_URL_MAX_CHARACTERS,
        help_text=gettext_lazy("Left empty, all your active endpoints of this kind are told."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[
            ("live", gettext_lazy("Live: real videos, paid from the wallet")),
            ("test", gettext_lazy("Test: simulated, free, same webhooks")),
        ],
    )
    shared_upload = forms.FileField(
        label=gettext_lazy("One product image for all videos"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        help_text=gettext_lazy("PNG, JPEG or WebP, at most 10 MB. A video's own image counts before it."),
    )
    shared_image = forms.CharField(required=False, widget=forms.HiddenInput)
    shared_image_name = forms.CharField(required=False, max_length=NAME_MAX_CHARACTERS, widget=forms.HiddenInput)
    terms = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_request_id(self) -> str:
        """As the API takes it."""
        try:
            return intake.request_id(self.cleaned_data["request_id"])
        except PilothouseError as refused:
            raise forms.ValidationError(str(refused)) from None

    def clean_webhook_url(self) -> str:
        """An address that something may be sent to."""
        url = str(self.cleaned_data["webhook_url"])
        try:
            if url:
                check_webhook_url(url)
        except PilothouseError as refused:
            raise forms.ValidationError(str(refused)) from None
        return url


HEAD_KEYS = ("request_id", "webhook_url", "mode", "shared_image", "shared_image_name", "terms")


@dataclass
class Typed:
    """Everything that was typed, as text: what the whole batch needs, its rows, and what waits to be pasted."""

    head: Row
    rows: list[Row]
    paste: str = ""
    # Rows of the form whose sent file was refused, with the sentence; -1 is the image for all.
    refused_images: dict[int, str] = field(default_factory=dict)

    @classmethod
    def blank(cls, count: int) -> "Typed":
        """A new form with `count` empty rows and a request_id of its own."""
        return cls({"request_id": new_id("page"), "mode": "live"}, [blank_row() for _number in range(count)])

    @classmethod
    def of(cls, data: QueryDict) -> "Typed":
        """What a browser sent back; rows beyond FORM_ITEMS_MAX_COUNT are not read."""
        count = whole_number(_text(data.get("rows")), limits.FORM_ITEMS_MAX_COUNT)
        rows = [{key: _text(data.get(f"item-{n}-{key}")) for key in ROW_KEYS} for n in range(count)]
        for row in rows:
            row["image"] = row["image"] if FILE_ID.fullmatch(row["image"]) else ""
        head = {key: _text(data.get(key)) for key in HEAD_KEYS}
        head["shared_image"] = head["shared_image"] if FILE_ID.fullmatch(head["shared_image"]) else ""
        return cls(head, rows, _text(data.get("paste"))[: limits.PASTE_MAX_CHARACTERS])

    def change(self, what: str) -> None:
        """Add, duplicate or remove a row, take an image away, or take in what was pasted. Raises PasteRefused."""
        verb, _dash, place = what.partition("-")
        at = int(place) if place.isdecimal() else -1
        if verb == "paste":
            self._take_in(pasted_rows(self.paste))
            self.paste = ""
        elif verb == "add":
            last = self.rows[-1] if self.rows else blank_row()
            self._take_in([{**blank_row(), "aspect": last["aspect"], "seconds": last["seconds"]}], keep_empty=True)
        elif verb == "unshare":
            self.head.update(shared_image="", shared_image_name="")
        elif 0 <= at < len(self.rows):
            if verb == "remove":
                del self.rows[at]
            elif verb == "duplicate":
                self._room_for(1)
                self.rows.insert(at + 1, dict(self.rows[at]))
            elif verb == "unimage":
                self.rows[at].update(image="", image_name="")

    def _take_in(self, rows: list[Row], *, keep_empty: bool = False) -> None:
        kept = self.rows if keep_empty else [row for row in self.rows if row["prompt"].strip()]
        self._room_for(len(rows) - (len(self.rows) - len(kept)))
        self.rows = [*kept, *rows]

    def _room_for(self, more: int) -> None:
        if len(self.rows) + more > limits.FORM_ITEMS_MAX_COUNT:
            raise PasteRefused(
                _("This page takes %(most)s videos at a time. Send a larger batch through the API.")
                % {"most": limits.FORM_ITEMS_MAX_COUNT}
            )

    def body(self) -> list[dict[str, Any]]:
        """The items as the API takes them; the forms have found every row readable."""
        return [
            {
                "params": {
                    "prompt": row["prompt"],
                    "aspect": row["aspect"],
                    "seconds": int(row["seconds"]),
                    "image": row["image"] or self.head["shared_image"] or None,
                },
                "metadata": parse_metadata(row["metadata"]),
            }
            for row in self.rows
        ]

    def forms(self, *, judged: bool) -> tuple[BatchForm, list[ItemForm]]:
        """The forms that show this; `judged` ones carry their errors."""
        if not judged:
            return BatchForm(initial=self.head), [
                ItemForm(initial=row, prefix=f"item-{n}") for n, row in enumerate(self.rows)
            ]
        return BatchForm(self.head), [
            ItemForm({f"item-{n}-{key}": value for key, value in row.items()}, prefix=f"item-{n}")
            for n, row in enumerate(self.rows)
        ]

    def echoes(self) -> list[str]:
        """The customer's own words in it."""
        return [self.paste, *self.head.values(), *(value for row in self.rows for value in row.values())]


def blank_row() -> Row:
    """An empty row with the defaults of the API."""
    return {**dict.fromkeys(ROW_KEYS, ""), "aspect": intake.ASPECT_DEFAULT, "seconds": str(limits.SECONDS_DEFAULT)}


def parse_metadata(text: str) -> dict[str, Any]:
    """`sku=MUG-01, colour=blue` or a JSON object. Raises ValueError with a sentence for the person."""
    text = text.strip()
    if not text:
        return {}
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            raise ValueError(_("This is not a JSON object that can be read.")) from None
        return dict(found)
    given: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise ValueError(_("Write metadata as name=value, separated by commas, or as a JSON object."))
        given[name.strip()] = value.strip()
    return given


def pasted_rows(text: str) -> list[Row]:
    """One row for each pasted prompt, or for each line of a table whose head names `prompt`. Raises PasteRefused."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise PasteRefused(_("Paste one prompt a line, or a table with a column named prompt."))
    delimiter = next((mark for mark in DELIMITERS if "prompt" in _cells(lines[0], mark)), None)
    if delimiter is None:
        # A head of one word is a column of prompts; anything else is a prompt itself.
        prompts = lines[1:] if lines[0].strip('"').lower() == "prompt" else lines
        if not prompts:
            raise PasteRefused(_("The table has a head and no line below it."))
        return [{**blank_row(), "prompt": line} for line in prompts]
    try:
        table = list(csv.DictReader(io.StringIO(text.strip()), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise PasteRefused(_("The table cannot be read: %(why)s.") % {"why": error}) from None
    rows = [_table_row(line) for line in table]
    if not rows:
        raise PasteRefused(_("The table has a head and no line below it."))
    return rows


def _cells(line: str, delimiter: str) -> list[str]:
    """The lower-case words of a head; nothing where the delimiter parts nothing."""
    cells = [cell.strip().strip('"').lower() for cell in line.split(delimiter)]
    return cells if len(cells) > 1 else []


def _table_row(line: Mapping[str | None, Any]) -> Row:
    cells = {
        str(name).strip().lower(): str(value).strip() for name, value in line.items() if isinstance(value, str) and name
    }
    row = blank_row()
    row["prompt"] = cells.pop("prompt", "")
    platform = cells.pop("platform", "").lower()
    row["aspect"] = cells.pop("aspect", "") or PLATFORM_ASPECTS.get(platform, intake.ASPECT_DEFAULT)
    row["seconds"] = cells.pop("seconds", "") or cells.pop("duration", "") or row["seconds"]
    image = cells.pop("image", "")
    if FILE_ID.fullmatch(image):
        row.update(image=image, image_name=image)
    rest = {name: value for name, value in cells.items() if value}
    row["metadata"] = json.dumps(rest, ensure_ascii=False) if rest else ""
    return row


def ranges(numbers: Sequence[int]) -> str:
    """Numbers of rows as a person writes them: `1–3, 7`."""
    spans: list[list[int]] = []
    for each in numbers:
        if spans and each == spans[-1][-1] + 1:
            spans[-1][1:] = [each]
        else:
            spans.append([each])
    return ", ".join("–".join(map(str, span)) for span in spans)


def _text(value: Any) -> str:
    """As a program would send it: a browser ends each line with two characters, and NUL cannot be stored."""
    return value.replace("\r\n", "\n").replace("\x00", "") if isinstance(value, str) else ""
