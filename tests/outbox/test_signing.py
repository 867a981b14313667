"""Our signatures, judged by other people's verifiers."""

import base64
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pilothouse.kernel.outbox.signing import new_secret, secret_key, signature, signed_headers

BODY = b'{"event":"batch.completed","batch_id":"bat_1","summary":{"total":10}}'


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_secret_is_32_random_bytes() -> None:
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert len(secret_key(secret)) == 32
    assert new_secret() != secret
    for bad in ("abc", "whsec_!!!", secret.removeprefix("whsec_")):
        with pytest.raises(ValueError, match="whsec_"):
            secret_key(bad)


def test_published_vector() -> None:
    """The vector of the Standard Webhooks libraries' own tests."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert (
        signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_both_verifiers_accept_either_secret_during_rotation() -> None:
    from openai import OpenAI  # two seconds, for the process that runs this alone

    new, old = new_secret(), new_secret()
    headers = signed_headers([secret_key(new), secret_key(old)], "evt_1", now(), BODY)
    for secret in (new, old):
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
        OpenAI(api_key="x", webhook_secret=secret).webhooks.unwrap(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)


@pytest.mark.parametrize("shift", [-301, 301])
def test_changed_or_stale_messages_are_refused(shift: int) -> None:
    from openai import InvalidWebhookSignatureError, OpenAI  # two seconds, for the process that runs this alone

    secret = new_secret()
    headers = signed_headers([secret_key(secret)], "evt_1", now(), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY.replace(b":10", b": 10"), headers)
    with pytest.raises(InvalidWebhookSignatureError):
        OpenAI(api_key="x", webhook_secret=secret).webhooks.unwrap(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers | {"webhook-id": "evt_2"})
    stale = signed_headers([secret_key(secret)], "evt_1", now() + shift, BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, stale)


def test_a_delivery_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="secret"):
        signed_headers([], "evt_1", now(), BODY)
