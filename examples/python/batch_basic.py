"""One batch of ten videos, from the order to the reconciled ledger, with nothing but Python's standard library.

    export SORA2_API_KEY=ek_…
    export SORA2_BASE_URL=https://…        the platform that gave you the key
    python batch_basic.py [request_id]

SORA2_WEBHOOK_URL, when set, is told when this batch ends. The exit code is 0 when every number fits.
"""

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

BASE_URL = os.environ.get("SORA2_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
API_KEY = os.environ.get("SORA2_API_KEY", "")
WEBHOOK_URL = os.environ.get("SORA2_WEBHOOK_URL")
ITEMS = 10
POLL_S = 2.0  # 30 of the 60 requests that a pilot key may send in a minute
PATIENCE_S = 20 * 60.0
REQUEST_TIMEOUT_S = 30.0
TRIES = 5


def call(method: str, path: str, body: Any = None) -> Any:
    """Call the API. Waits and asks again when it is busy or away: with a request_id that can never order twice."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(BASE_URL + path, data, headers, method=method)
    for attempt in range(1, TRIES + 1):
        wait_s = 2.0**attempt
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            text = refused.read().decode(errors="replace")
            if attempt == TRIES or (refused.code != 429 and refused.code < 500):
                raise SystemExit(f"{method} {path} answered {refused.code}: {text}") from None
            wait_s = float(refused.headers.get("Retry-After") or wait_s)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as away:
            if attempt == TRIES:
                raise SystemExit(f"{method} {path}: {away}") from None
        time.sleep(wait_s)
    raise AssertionError("unreachable")


def finished(batch_id: str) -> Any:
    """Wait until the batch is completed, telling each change."""
    until, shown = time.monotonic() + PATIENCE_S, ""
    while True:
        batch = call("GET", f"/v1/batches/{batch_id}")
        counts = batch["summary"]
        line = f"{batch['status']}: {counts['succeeded']} finished, {counts['failed']} failed, of {counts['total']}"
        if line != shown:
            print(line, flush=True)
            shown = line
        if batch["status"] == "completed":
            return batch
        if time.monotonic() > until:
            raise SystemExit(f"{batch_id} is not completed yet; run this again with the same request_id.")
        time.sleep(POLL_S)


def download(output: dict[str, Any]) -> bool:
    """Fetch a finished video by its signed link, which needs no key; whether its SHA-256 is as told."""
    with urllib.request.urlopen(output["url"], timeout=REQUEST_TIMEOUT_S) as answer:
        video = answer.read()
    genuine = bool(hashlib.sha256(video).hexdigest() == output["media_sha256"])
    print(f"Downloaded {len(video)} bytes, SHA-256 {'as told ✓' if genuine else 'differs ✗'}")
    return genuine


def main() -> int:
    """Order, wait, download, reconcile."""
    if not API_KEY:
        raise SystemExit("Set SORA2_API_KEY to the key that you were given.")
    # Your own order number. Sent again with the same items it is still the same batch, paid once.
    request_id = sys.argv[1] if len(sys.argv) > 1 else f"order-{uuid.uuid4()}"
    print(f"Balance before: {call('GET', '/v1/credits/balance')['available']} credits")

    items = [
        {
            "params": {"prompt": f"A ceramic mug on a wooden table, take {number}", "aspect": "1:1", "seconds": 2},
            "metadata": {"sku": f"MUG-{number}"},
        }
        for number in range(1, ITEMS + 1)
    ]
    order = {"request_id": request_id, "webhook_url": WEBHOOK_URL, "items": items}
    created = call("POST", "/v1/batches", order)
    print(f"Batch {created['batch_id']} for {request_id}", flush=True)
    batch = finished(created["batch_id"])

    found = call("GET", f"/v1/batches/{batch['batch_id']}/items?limit=100")["items"]
    for item in found:
        print(f"  {item['position']} {json.dumps(item['metadata'])} {item['status']} {item['failure_reason'] or ''}")
    genuine = all(download(item["output"]) for item in [item for item in found if item["output"]][:1])

    rows = call("GET", f"/v1/ledger?batch_id={batch['batch_id']}&limit=100")["rows"]
    for row in rows:
        print(f"  {row['entry']}: {row['amount']}")
    money = batch["ledger"]
    balanced = (
        money["reserved"] == money["settled"] + money["refunded"]
        and sum(row["credits_delta"] for row in rows) == -money["settled"]
    )
    equation = f"{money['reserved']} reserved = {money['settled']} settled + {money['refunded']} refunded"
    print(f"{equation} {'✓' if balanced else '✗'}")
    return 0 if balanced and genuine else 1


if __name__ == "__main__":
    sys.exit(main())
