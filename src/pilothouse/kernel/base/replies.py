"""What came back from a request to a customer's address. Apart from the client: who only reads of it loads none."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """Why a request has no usable answer. The value is stored; the sentence is `FAILURE_TEXT`."""

    URL_REFUSED = "url_refused"
    ADDRESS_REFUSED = "address_refused"
    DNS = "dns_failed"
    CONNECT = "connect_failed"
    TLS = "tls_failed"
    TIMEOUT = "timeout"
    BROKEN = "broken_answer"


FAILURE_TEXT: Mapping[Failure, str] = {
    Failure.URL_REFUSED: "The address of the endpoint is not one that we send to.",
    Failure.ADDRESS_REFUSED: "The name of the endpoint resolves to an address that is not public.",
    Failure.DNS: "The name of the endpoint could not be resolved.",
    Failure.CONNECT: "The endpoint did not accept the connection.",
    Failure.TLS: "The endpoint's TLS certificate or handshake was not accepted.",
    Failure.TIMEOUT: "The endpoint did not answer in time.",
    Failure.BROKEN: "The endpoint closed the connection or its answer was not HTTP.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one request. Exactly one of `status` and `failure` is set."""

    status: int | None
    failure: Failure | None
    ms: int
    """Milliseconds from the start of the request to the status line or the failure, DNS and TLS included."""
    retry_after: str | None = None
    """The raw Retry-After header, at most 64 characters."""
    body: bytes = b""
    """The first `capture_bytes` of the answer, not decompressed."""
