"""The pages as files, served under the strict policy together with a live stream, and a browser to look at them."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from django.template.loader import render_to_string
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page
from real_browser import Chromium

from pilothouse.ui import gallery

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; media-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PROMPTS = (
    "A red trail shoe turns slowly on wet granite, dawn light from the left",
    "Steam rises from a ceramic cup while rain runs down the window behind it",
    "A linen shirt moves in the wind on a line above a white courtyard",
)


def batch_context(succeeded: int, failed: int, running: int, pending: int) -> dict[str, Any]:
    """The context of a batch's page with so many items in each state, at 10 credits an item."""
    total = succeeded + failed + running + pending
    done = running + pending == 0
    statuses = ["succeeded"] * succeeded + ["refunded"] * failed + ["running"] * running + ["pending"] * pending
    steps = {
        "succeeded": ("pending", "running", "succeeded"),
        "refunded": ("pending", "running", "failed", "refunded"),
        "running": ("pending", "running"),
        "pending": ("pending",),
    }
    items = [
        {
            "public_id": f"itm_5Rk{position:02d}Qw8ZtYb1",
            "position": position,
            "status": status,
            "failure_reason": "param_error" if status == "refunded" else None,
            "prompt": PROMPTS[position % 3],
            "metadata": {"sku": f"NW-{1000 + position}", "items": "two"},
            "aspect": "9:16",
            "seconds": 4,
            "history": [{"status": step, "at": gallery.NOW - timedelta(seconds=40)} for step in steps[status]],
            "output_url": f"/clip-{position % 3}.mp4" if status == "succeeded" else "",
            "media_sha256": "9f2c" * 16 if status == "succeeded" else None,
        }
        for position, status in enumerate(statuses, 1)
    ]
    outcome = "all_succeeded" if not failed else "partial" if succeeded else "all_failed"
    batch = {
        "public_id": "bat_7Kq2mXv9Lr4TWz",
        "request_id": "order-4711",
        "state": "completed" if done else "running" if running or succeeded or failed else "pending",
        "outcome": outcome if done else "",
        "created_at": gallery.NOW - timedelta(minutes=2),
        "completed_at": gallery.NOW if done else None,
        "mode": "live",
        "total": total,
        "cost": 10,
        "unit": "CREDIT",
        "counts": {"pending": pending, "running": running, "succeeded": succeeded, "failed": failed},
        "ledger": {
            "reserved": 10 * total,
            "settled": 10 * succeeded,
            "refunded": 10 * failed,
            "in_flight": 10 * (running + pending),
        },
        "webhook": {
            "url": "https://hooks.northwind.example/sora2",
            "status": "delivered" if done else "pending",
            "attempts": 1 if done else 0,
        },
        "fingerprint": "c41d" * 16,
    }
    return gallery.frame(
        batch=batch,
        failures=[{"reason": "param_error", "count": failed}] if failed else [],
        items=items,
        item_tabs=[{"label": "All", "url": "?", "current": True, "count": total}],
        events=gallery.sample_events() if done else gallery.sample_events()[4:],
        pager={"first": 1, "last": total, "total": total, "previous_url": "", "next_url": ""},
        batches_url="/batches.html",
        live_fragment_url="/live-fragment",
        stream_url="",
        cancel_url="/cancel",
        exports=[{"label": "Ledger of this batch (CSV)", "url": "/ledger.csv"}],
    )


def list_context(count: int) -> dict[str, Any]:
    """The context of the list with so many batches."""
    shapes = [(0, 0, 4, 6), (6, 1, 3, 0), (9, 1, 0, 0), (10, 0, 0, 0), (0, 10, 0, 0), (45, 5, 0, 0)]
    batches = []
    for index in range(count):
        batch = batch_context(*shapes[index % len(shapes)])["batch"]
        batch |= {
            "public_id": f"bat_{index:02d}q2mXv9Lr4TWz",
            "request_id": f"order-{4711 - index}",
            "url": "/batch-done.html",
            "mode": "test" if index == 3 else "live",
            "created_at": gallery.NOW - timedelta(hours=5 * index),
        }
        batches.append(batch)
    return gallery.frame(
        batches=batches,
        wallet={"available": 900, "in_flight": 100, "unit": "CREDIT"},
        tabs=[
            {"label": "All", "url": "?", "current": True, "count": count},
            {"label": "Running", "url": "?state=running", "current": False, "count": 2},
            {"label": "Completed", "url": "?state=completed", "current": False, "count": count - 2},
        ],
        chosen={"state": "", "mode": "", "outcome": "", "from": "", "to": "", "sort": "", "q": ""},
        zone="UTC",
        filtered=False,
        new_url="/batch-new.html",
        pager={"first": 1, "last": count, "total": count, "previous_url": "", "next_url": ""},
    )


def clip(path: Path, hue: int) -> None:
    """A real short 9:16 video, so that the players have something to show."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 180, 320, "yuv420p"
        ramp = Image.linear_gradient("L").resize((180, 320))
        for step in range(10):
            bands = [Image.new("L", ramp.size, 30), Image.new("L", ramp.size, 60 + 8 * step)]
            bands.insert(hue, ramp)
            for packet in stream.encode(av.VideoFrame.from_image(Image.merge("RGB", bands))):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


@dataclass
class Stage:
    """What the live server answers: the fragment as it is now, and events to the open streams."""

    fragment: str = ""
    fetched: int = 0
    signed_out: bool = False
    changed: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Static pages with the policy, `/live-fragment` and `/stream`."""

    stage: Stage

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_GET(self) -> None:
        fragment = self.path.startswith("/live-fragment")
        self.stage.fetched += fragment
        if self.stage.signed_out and (fragment or self.path == "/batch-running.html"):
            self.send_response(302)
            self.send_header("Location", "/error-403.html")
            self.end_headers()
        elif fragment:
            body = self.stage.fragment.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        elif self.path.startswith("/stream"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b": open\n\n")
            self.wfile.flush()
            while not self.stage.stop.is_set():
                if self.stage.changed.wait(0.1):
                    self.stage.changed.clear()
                    self.wfile.write(b"event: changed\ndata: {}\n\n")
                    self.wfile.flush()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the test says what went wrong."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages as files: components, errors, the batch list and a batch at three moments."""
    place = tmp_path_factory.mktemp("pages")
    gallery.write(place)
    for hue in range(3):
        clip(place / f"clip-{hue}.mp4", hue)
    pages = {
        "batch-done": ("video/batch_detail.html", batch_context(9, 1, 0, 0)),
        "batch-running": ("video/batch_detail.html", batch_context(3, 1, 4, 2) | {"stream_url": "/stream"}),
        "batch-failed": ("video/batch_detail.html", batch_context(0, 10, 0, 0)),
        "batches": ("video/batch_list.html", list_context(12)),
        "batches-empty": ("video/batch_list.html", list_context(0)),
    }
    for name, (template, context) in pages.items():
        (place / f"{name}.html").write_text(render_to_string(template, context), encoding="utf-8")
    return place


@pytest.fixture(scope="session")
def batch_page() -> Callable[[int, int, int, int], dict[str, Any]]:
    """Makes the context of a batch's page from counts: succeeded, failed, running, pending."""
    return batch_context


@pytest.fixture
def stage() -> Stage:
    """The live server's script for one test."""
    return Stage()


@pytest.fixture
def site(folder: Path, stage: Stage) -> Iterator[str]:
    """The address of the served pages."""
    handler = type("StageHandler", (Handler,), {"stage": stage})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    stage.stop.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def open_page(chromium: Chromium, browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Opens a page by name; at the end no console error and no violation of the policy may have been seen."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opener(name: str, width: int = 1440, scheme: str = "light", **options: Any) -> Page:
        height = 900 if width > 640 else 844
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id="UTC", **options
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.expose_binding("violated", lambda _source, what: complaints.append(what))
        context.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (event) => window.violated(event.violatedDirective + ' ' + event.sourceFile));"
        )
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{site}/{name}.html")
        return page

    yield opener
    chromium.close(contexts)
    assert complaints == []
