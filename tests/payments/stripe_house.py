"""The card processor over loopback: the few addresses that we call, with its shapes, its keys and its faults."""

import contextlib
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "whsec_of_the_tests"


class StripeHouse:
    """Sessions and refunds by idempotency key, as the processor keeps them. `lose_answers` drops what it has done, and
    while `stall` is set nobody hears of it."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.orders: list[tuple[str, dict[str, str]]] = []
        self.refund_status = "succeeded"
        self.refuse_refunds = ""
        self.lose_answers = 0
        self.stall = threading.Event()
        self.lock = threading.Lock()
        house = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                with house.lock:
                    status, answer = house.post(urlsplit(self.path).path, self.headers.get("Idempotency-Key", ""), form)
                    lost = house.lose_answers > 0
                    house.lose_answers -= lost
                while house.stall.is_set():
                    time.sleep(0.1)
                if lost:
                    self.connection.close()
                    return
                with contextlib.suppress(OSError):
                    self.say(status, answer)

            def do_GET(self) -> None:
                address = urlsplit(self.path)
                with house.lock:
                    found = list(house.refunds.values())
                if address.path == "/v1/refunds":
                    self.say(200, {"object": "list", "data": found, "has_more": False, "url": "/v1/refunds"})
                else:
                    self.say(200, next(each for each in found if each["id"] == address.path.rsplit("/", 1)[1]))

            def say(self, status: int, answer: dict[str, Any]) -> None:
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def post(self, path: str, key: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What the processor does with an order; the same key answers the same."""
        assert key, "every order has a key"
        self.orders.append((path, form))
        if path == "/v1/checkout/sessions":
            number = len(self.sessions) + 1
            made = {
                "id": f"cs_test_{number}", "object": "checkout.session", "url": f"https://checkout.stripe.com/c/{number}",
                "client_reference_id": form["client_reference_id"], "payment_status": "unpaid",
                "amount_total": int(form["line_items[0][price_data][unit_amount]"]),
                "currency": form["line_items[0][price_data][currency]"], "payment_intent": None,
            }  # fmt: skip
            return 200, self.sessions.setdefault(key, made)
        if self.refuse_refunds:
            error = {"type": "invalid_request_error", "code": self.refuse_refunds, "message": "It was refunded."}
            return 400, {"error": error}
        made = {
            "id": f"re_{len(self.refunds) + 1}", "object": "refund", "status": self.refund_status,
            "amount": int(form["amount"]), "payment_intent": form["payment_intent"],
            "metadata": {"refund": form["metadata[refund]"]},
        }  # fmt: skip
        return 200, self.refunds.setdefault(key, made)

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.server.server_close()


def paid_session(checkout: Any, intent: str = "pi_1", **other: Any) -> dict[str, Any]:
    """The session of a checkout as the processor tells it when its money is there."""
    return {
        "id": checkout.session_id or "cs_lost", "object": "checkout.session", "client_reference_id": checkout.public_id,
        "payment_intent": intent, "payment_status": "paid", "amount_total": checkout.amount,
        "currency": checkout.unit.lower(), "customer_details": {"email": "payer@example.com"}, **other,
    }  # fmt: skip


def event(number: int, kind: str, about: dict[str, Any]) -> bytes:
    """The bytes of an event."""
    return json.dumps(
        {
            "id": f"evt_{number}", "object": "event", "type": kind, "api_version": "2026-01-28", "livemode": False,
            "created": int(time.time()), "data": {"object": about}, "pending_webhooks": 1,
        }
    ).encode()  # fmt: skip


def signed(payload: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    """The processor's signature header over these bytes."""
    stamp = int(time.time() if at is None else at)
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={mac}"
