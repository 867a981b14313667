"""Every component on static pages, to look at them: `python -m pilothouse.ui.gallery FOLDER`.

The pages are what the site serves, rendered with sample data at a fixed instant; a test opens them in a browser
under the strict Content-Security-Policy and measures them.
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from .tables import Column, Table

NOW = datetime(2026, 1, 24, 10, 0, tzinfo=UTC)
ERROR_PAGES = ("400", "403", "404", "409", "429", "500")


def configure() -> None:
    """Set up a Django that can render templates; does nothing where a site is already configured."""
    if not settings.configured:
        settings.configure(
            INSTALLED_APPS=["django.contrib.staticfiles", "django_htmx", "pilothouse.ui"],
            TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
            STATIC_URL="/static/",
            USE_TZ=True,
            TIME_ZONE="UTC",
            LANGUAGE_CODE="en",
        )
    django.setup()


def frame(**extra: object) -> dict[str, Any]:
    """The context that the site gives to every page."""
    return {
        "product_name": "Sora2",
        "tenant_name": "Northwind Retail",
        "nav": [
            {"label": "Batches", "url": "/batches.html", "icon": "batches", "active": True, "key": "b"},
            {"label": "Ledger", "url": "/ledger.html", "icon": "ledger", "active": False, "key": "l"},
            {"label": "Webhooks", "url": "/webhooks.html", "icon": "webhook", "active": False, "key": "w"},
            {"label": "Keys", "url": "/keys.html", "icon": "key", "active": False, "key": "k"},
        ],
        "account": {"name": "Ada Moreno", "email": "ada@northwind.example", "role": "engineer"},
        "signout_url": "/signout",
        "sessions_url": "/sessions",
        "server_now": NOW,
        "request_id": "req_01HZX4T7Q8",
        **extra,
    }


def sample_events() -> list[dict[str, Any]]:
    """A finished batch's timeline, the newest first."""
    told = [
        ("Webhook batch.completed delivered to hooks.northwind.example.", "system", "batch.notified", None),
        ("All 10 items ended: 9 finished, 1 failed.", "worker", "batch.completed", None),
        ("Item 7 refunded after a refusal of its parameters.", "worker", "item.refunded", 10),
        ("9 finished items settled.", "worker", "items.settled", 90),
        ("Dispatched 10 items.", "worker", "items.dispatched", None),
        ("Credits held for 10 items at 10 each.", "ada@northwind.example", "batch.reserved", 100),
        ("Batch created through the API.", "key ek_pilot_…7f3a", "batch.created", None),
    ]
    return [
        {"at": NOW - timedelta(seconds=4 + 9 * index), "actor": actor, "type": kind, "sentence": text, "amount": money}
        for index, (text, actor, kind, money) in enumerate(told)
    ]


def sample_steps(reached: int, *, is_ended: bool = False) -> list[dict[str, Any]]:
    """The way of a deal up to the step `reached`; one that `is_ended` left the way there."""
    labels = ("Offer", "Payment", "Handover", "Inspection", "Holdback", "Paid back" if is_ended else "Settled")
    now = len(labels) - 1 if is_ended else reached
    return [
        {
            "label": label,
            "status": "done" if place < reached else ("ended" if is_ended else "now") if place == now else "todo",
        }
        for place, label in enumerate(labels)
    ]


def sample_table() -> Table:
    """One row of each kind of cell."""
    columns = [
        Column("name", "Request", "title"),
        Column("id", "Batch", "id"),
        Column("state", "State", "state"),
        Column("done", "Finished", "ratio"),
        Column("reserved", "Reserved", "amount"),
        Column("at", "Created", "instant", sort_url="?sort=at", sorted="descending"),
    ]
    states = ("running", "completed", "pending", "partial", "all_failed")
    rows = [
        {
            "name": f"order-{4711 - index}",
            "url": f"/batches/{index}.html",
            "id": f"bat_7Kq2mXv9Lr4T{index}Wz",
            "state": state,
            "done": f"{index} / 10",
            "reserved": 100 * (index + 1) ** 3,
            "at": NOW - timedelta(hours=7 * index, minutes=2),
        }
        for index, state in enumerate(states)
    ]
    return Table("Batches", columns, rows)


def components_context() -> dict[str, Any]:
    """Context of the page that shows each component."""
    from django import forms

    class SampleForm(forms.Form):
        address = forms.URLField(
            label="Address", assume_scheme="https", help_text="HTTPS only. We send a test event first."
        )
        note = forms.CharField(label="Note", required=False)
        active = forms.BooleanField(label="Send events to this address", required=False)

    return frame(
        mode_stripe="Rehearsal: no money moves and nothing leaves this machine",
        events=sample_events(),
        steps=(sample_steps(3), sample_steps(6), sample_steps(2, is_ended=True)),
        table=sample_table(),
        form=SampleForm({"address": "hooks, example"}),
        now=NOW,
        started=NOW - timedelta(hours=40),
        due=NOW + timedelta(hours=8),
        tones=("settled", "held", "accent", "returned", "breach", "rehearsal"),
        states=("pending", "running", "succeeded", "failed", "refunded", "all_succeeded", "partial", "test", "p0"),
        page={"first": 1, "last": 25, "total": 1342, "previous_url": "", "next_url": "?page=2"},
    )


def write(folder: Path) -> list[Path]:
    """Render all pages and their static files into `folder`; returns the pages."""
    from django.contrib.staticfiles import finders
    from django.template.loader import render_to_string

    pages = {"components": render_to_string("ui/gallery.html", components_context())}
    for code in ERROR_PAGES:
        error = {"code": "gone", "message": ""} if code == "404" else {}
        pages[f"error-{code}"] = render_to_string(f"ui/errors/{code}.html", frame(error=error))
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages.items():
        path = folder / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        written.append(path)
    for finder in finders.get_finders():
        for path, storage in finder.list(["*-4*"]):
            target = folder / "static" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(storage.path(path), target)
    return written


if __name__ == "__main__":
    configure()
    for page in write(Path(sys.argv[1])):
        print(page)
