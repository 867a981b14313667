"""The examples, run as a customer runs them, against a live platform: installed, started by their own command line."""

import base64
import contextlib
import hashlib
import hmac
import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2 as httpx
import pytest
from patience import until

pytestmark = pytest.mark.http
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NODE_BATCH = ("npx", "ts-node", "batch_basic.ts")
NODE_RECEIVER = ("npx", "ts-node", "webhook_receiver.ts")
PYTHON_BATCH = (sys.executable, "batch_basic.py")
PYTHON_RECEIVER = (sys.executable, "webhook_receiver.py")
BATCH_S = 180


@pytest.fixture(scope="module")
def secret(customer) -> str:
    """What signs for addresses that batches name."""
    with customer.client() as client:
        return str(client.get("/v1/webhook-secret").json()["secret"])


@contextlib.contextmanager
def receiver(command: Sequence[str], folder: Path, env: dict[str, str]) -> Iterator[str]:
    """A receiver on a free port; its address."""
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+/)\n", line)
        assert found, line
        yield found[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
        process.stdout.close()


def run_batch(
    command: Sequence[str], folder: Path, env: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=BATCH_S, check=False
    )


def told(customer, url: str) -> tuple[str, bytes]:
    """The webhook-id of the message that went to this address, and the SHA-256 of what the platform says it sent."""
    with customer.client() as client:
        found = until(
            lambda: [
                row
                for row in client.get("/v1/webhook-deliveries").json()["deliveries"]
                if (row["event"], row["status"], row["url"]) == ("batch.completed", "delivered", url)
            ],
            every_s=1.0,
        )[0]
        (attempt,) = client.get(f"/v1/webhook-deliveries/{found['delivery_id']}/attempts").json()["attempts"]
    assert attempt["status"] == 200
    return found["event_id"], attempt["body_sha256"]


def signed(secret: str, message_id: str, body: bytes, at: float) -> dict[str, str]:
    """Standard Webhooks headers, written here once more from its specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    token = base64.b64encode(hmac.digest(key, f"{message_id}.{int(at)}.".encode() + body, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(int(at)), "webhook-signature": f"v1,{token}"}


def attack(url: str, folder: Path, secret: str) -> None:
    """What must be refused leaves nothing behind; what comes twice is kept once."""
    before = sorted(folder.iterdir())
    body, now = b'{"event":"batch.completed"}', time.time()
    with httpx.Client(trust_env=False) as world:
        good = signed(secret, "msg_x", body, now)
        assert world.post(url, content=body + b" ", headers=good).status_code == 401
        assert world.post(url, content=body).status_code == 401
        assert world.post(url, content=body, headers=signed(secret, "msg_x", body, now - 3600)).status_code == 401
        outside = signed(secret, "../x", body, now)
        assert world.post(url, content=body, headers=outside).status_code == 400
        assert sorted(folder.iterdir()) == before
        assert [world.post(url, content=body, headers=good).status_code for _ in range(2)] == [200, 200]
    assert (folder / "msg_x.json").read_bytes() == body
    assert len(list(folder.iterdir())) == len(before) + 1


def prove(customer, secret, tmp_path: Path, batch, listen, folder: Path) -> None:
    """A batch told to a receiver: printed numbers, kept bytes and the platform's own all agree."""
    received = tmp_path / "received"
    env = customer.env(SORA2_WEBHOOK_SECRET=secret, PORT="0", RECEIVED=str(received))
    with receiver(listen, folder, env) as url:
        order = f"{tmp_path.name}"
        done = run_batch(batch, folder, {**env, "SORA2_WEBHOOK_URL": url}, order)
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert "100 reserved = 100 settled + 0 refunded ✓" in done.stdout
        assert "SHA-256 as told ✓" in done.stdout
        batch_id = re.search(r"Batch (bat_\w+) for", done.stdout)[1]
        message_id, sha256 = told(customer, url)
        body = (received / f"{message_id}.json").read_bytes()
        assert hashlib.sha256(body).hexdigest() == sha256
        event = json.loads(body)
        assert (event["event"], event["batch_id"], event["request_id"]) == ("batch.completed", batch_id, order)
        assert event["ledger"] == {"reserved": 100, "settled": 100, "refunded": 0}
        again = run_batch(batch, folder, {**env, "SORA2_WEBHOOK_URL": url}, order)
        assert again.returncode == 0, again.stderr
        assert f"Batch {batch_id} for {order}" in again.stdout
        attack(url, received, secret)


def test_the_node_examples_run_as_a_customer_runs_them(customer, secret, node_folder, tmp_path) -> None:
    prove(customer, secret, tmp_path, NODE_BATCH, NODE_RECEIVER, node_folder)


def test_the_python_examples_run_as_a_customer_runs_them(customer, secret, tmp_path) -> None:
    prove(customer, secret, tmp_path, PYTHON_BATCH, PYTHON_RECEIVER, EXAMPLES / "python")


@pytest.mark.parametrize("language", ["node", "python"])
def test_a_wrong_key_and_a_missing_one_are_told_in_one_sentence(language, customer, request) -> None:
    folder = request.getfixturevalue("node_folder") if language == "node" else EXAMPLES / "python"
    command = NODE_BATCH if language == "node" else PYTHON_BATCH
    wrong = run_batch(command, folder, {**customer.env(), "SORA2_API_KEY": "ek_pilot_nobody"})
    assert (wrong.returncode, "invalid_key" in wrong.stderr) == (1, True), (wrong.stdout, wrong.stderr)
    missing = run_batch(command, folder, {**customer.env(), "SORA2_API_KEY": ""})
    assert missing.returncode == 1
    assert missing.stderr.splitlines()[-1] == "Set SORA2_API_KEY to the key that you were given."


def test_the_examples_need_nothing_but_the_official_package() -> None:
    package = json.loads((EXAMPLES / "node" / "package.json").read_text())
    assert set(package["dependencies"]) == {"standardwebhooks"}
    imports = set(re.findall(r'from "([^"]+)"', (EXAMPLES / "node" / "batch_basic.ts").read_text()))
    assert all(name.startswith("node:") for name in imports)
    wanted = (EXAMPLES / "python" / "requirements.txt").read_text().split()
    assert wanted == [f"standardwebhooks=={importlib.metadata.version('standardwebhooks')}"]
