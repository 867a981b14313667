"""Every address of pages, API and live updates: with our key or session, what is theirs does not exist."""

from __future__ import annotations

import re
from typing import Any

import pytest
from matrix import HOLDERS, MATRIX
from sweep_world import FILLED, NOBODYS, World
from test_matrix import everywhere, methods_of, object_of, served_by

pytestmark = [pytest.mark.house, pytest.mark.http]
# What differs between two equal refusals: the request's id, tokens and the instant.
VARYING = re.compile(r"req_[0-9a-z]+(?:…[0-9a-z]+)?|[A-Za-z0-9_-]{60,}|\d{4}-\d\d-\d\dT[0-9:.+]+")
FULL = ("full key", "owner")


def plain(answer: Any, *ids: str) -> tuple[int, str]:
    """Status and body without what always differs."""
    body = "" if answer.streaming else answer.content.decode(errors="replace")
    for id_ in ids:
        body = body.replace(id_, "ID")
    return answer.status_code, VARYING.sub("-", body)


def different(one: tuple[int, str], other: tuple[int, str]) -> list[str]:
    """The statuses, and the lines that only one of two answers has."""
    lines = [set(body.splitlines()) for _, body in (one, other)]
    return [f"{one[0]} and {other[0]}", *sorted(lines[0] ^ lines[1])]


def told(answer: Any, secrets: list[str], *asked: str) -> list[str]:
    """Which of these secrets the answer tells; what the caller himself asked for is no secret."""
    body = "" if answer.streaming else answer.content.decode(errors="replace")
    text = body + str(dict(answer.headers))
    for word in asked:
        text = text.replace(word, "")
    return [secret for secret in secrets if secret in text]


def send(world: World, caller: str, method: str, path: str) -> Any:
    body = {} if method in ("GET", "DELETE") else {"data": "{}", "content_type": "application/json"}
    if method == "POST" and "/v1/" not in path:
        body = {"data": {}}
    return getattr(world.callers[caller], method.lower())(path, **body)


def test_the_secrets_of_theirs_are_really_on_their_own_pages(world: World) -> None:
    """The sweep below would prove nothing with words that never stand anywhere."""
    from sweep_world import key_client, person_client

    client, browser = (
        key_client(world.theirs.customer.keys["full"]),
        person_client(world.theirs.customer.people["owner"]),
    )
    batch = world.theirs.ids["batch"]
    paths = ("batches", f"batches/{batch}/items", "webhooks", "webhook-deliveries", "credits/balance")
    seen = "".join(client.get(f"/v1/{path}").content.decode() for path in paths)
    seen += "".join(browser.get(path).content.decode() for path in ("/batches/", f"/batches/{batch}/"))
    for secret in (
        "theirs-secret-prompt",
        "theirs-secret-metadata",
        "theirs-secret-batch",
        "theirs.example",
        "Zanzibar",
    ):
        assert secret in seen, secret


def test_what_is_theirs_does_not_exist_at_any_address(world: World) -> None:
    swept, wrong = 0, []
    for conf, address in everywhere():
        kinds = [object_of(address, parameter) for parameter in address.parameters]
        if not any(kinds) or address.module.startswith("allauth."):
            continue
        for number, parameter in enumerate(address.parameters):
            kind = object_of(address, parameter)
            if not kind:
                continue
            ours = {
                name: world.ours.ids.get(k, FILLED.get(name, "1"))
                for name, k in zip(address.parameters, kinds, strict=True)
            }
            theirs = world.theirs.ids[kind]
            paths = [address.filled({**ours, parameter: id_}) for id_ in (theirs, NOBODYS[kind])]
            with served_by(conf):
                for caller in FULL:
                    for method in methods_of(address):
                        if f"{method} {address.path}" not in MATRIX:
                            continue
                        foreign, nobodys = (send(world, caller, method, path) for path in paths)
                        swept += 1
                        pair = plain(foreign, theirs), plain(nobodys, NOBODYS[kind])
                        if pair[0] != pair[1] or foreign.status_code < 300:
                            wrong += [f"{method} {paths[0]} by {caller}:", *different(*pair)]
                        wrong += [f"{method} {paths[0]} by {caller} tells {word!r}" for word in told(
                            foreign, world.theirs.secrets, theirs
                        )]  # fmt: skip
            assert number < 5
    assert not wrong, "\n".join(wrong)
    assert swept >= 30
    # Nothing of theirs was moved by all that.
    with world.house.connect() as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM batch WHERE public_id = %s AND pending_count = 10", [world.theirs.ids["batch"]]
        ).fetchone()
    assert count == 1


def test_our_own_are_found_at_the_same_addresses(world: World) -> None:
    """404 for everything would pass the test above."""
    wrong = []
    for conf, address in everywhere():
        kinds = {parameter: object_of(address, parameter) for parameter in address.parameters}
        if not kinds or not all(kinds.values()) or f"GET {address.path}" not in MATRIX:
            continue
        path = address.filled({name: world.ours.ids[kind] for name, kind in kinds.items()})
        with served_by(conf):
            # What no key may ask for is asked for by a person.
            key = "/v1/" in path and "full key" in HOLDERS[MATRIX[f"GET {address.path}"].needs]
            answer = send(world, "full key" if key else "owner", "GET", path)
        if answer.status_code != 200:
            wrong.append(f"GET {path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_no_address_without_an_id_tells_anything_of_theirs(world: World) -> None:
    wrong = []
    for conf, address in everywhere():
        if address.parameters or address.path in ("/account/logout/",):
            continue
        with served_by(conf):
            for caller in ("nobody", "full key", "owner", "creator", "stranger"):
                answer = send(world, caller, "GET", address.path)
                if answer.status_code >= 500 and address.path != "/readyz":
                    wrong.append(f"GET {address.path} by {caller}: {answer.status_code}")
                wrong += [f"GET {address.path} by {caller} tells {word!r}" for word in told(
                    answer, world.theirs.secrets
                )]  # fmt: skip
    assert not wrong, "\n".join(wrong)


def test_their_ids_as_filters_find_nothing(world: World) -> None:
    """Every query parameter of the API, with every id and word of theirs; and of each page, the usual ones."""
    wrong, asked = [], 0
    ids = world.theirs.ids
    words = [ids["batch"], ids["endpoint"], "theirs-secret-batch", world.theirs.customer.tenant.public_id]
    pages = ("q", "before", "after", "last", "batch", "tenant", "cursor", "search")
    for conf, address in everywhere():
        if address.parameters or f"GET {address.path}" not in MATRIX:
            continue
        caller = "full key" if address.methods else "owner"
        for word in words:
            # The API judges each parameter; a page takes what it knows and ignores the rest.
            for query in [{name: word} for name in address.query] if address.methods else [dict.fromkeys(pages, word)]:
                with served_by(conf):
                    answer = world.callers[caller].get(address.path, query)
                asked += 1
                where = f"{address.path} {query}"
                if answer.status_code >= 500 and address.path != "/readyz":
                    wrong.append(f"{where}: {answer.status_code}")
                wrong += [f"{where} tells {found!r}" for found in told(answer, world.theirs.secrets, word)]
    assert not wrong, "\n".join(wrong)
    assert asked > 60
