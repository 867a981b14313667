"""Each role and each key at each address gets exactly what the committed table says, and no address is left out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from matrix import ALLAUTH, CALLERS, HOLDERS, MATRIX, Row, expected
from routes import API_METHODS, Address, addresses
from sweep_world import FILLED, NOBODYS, OBJECTS, TOKENS, World

pytestmark = [pytest.mark.house, pytest.mark.http]
# The whole table is thousands of requests: in parts it fits the time of a test, and the processes share it.
PARTS = 6
LIVE = "pilothouse.site.live_urls"
HOW = 'Decide who may: add a line such as `"{line}": Row("batches:read", 404),` to MATRIX in tests/sweep/matrix.py.'


def everywhere() -> list[tuple[str, Address]]:
    """(url configuration, address) of both processes."""
    return [(conf, address) for conf in ("pilothouse.site.urls", LIVE) for address in addresses(conf)]


def served_by(conf: str) -> contextlib.AbstractContextManager[None]:
    """As the process with this url configuration. Django reads all addresses anew at each change, so none is made that
    changes nothing."""
    return contextlib.nullcontext() if conf == settings.ROOT_URLCONF else override_settings(ROOT_URLCONF=conf)


def object_of(address: Address, parameter: str) -> str:
    """The kind of object that a parameter names; an empty text for a token. Fails for one that nobody decided."""
    for known, kind in (*OBJECTS.items(), *dict.fromkeys(TOKENS, "").items()):
        if known in address.path and f"{{{parameter}}}" in known:
            return kind
    raise AssertionError(
        f"What does {{{parameter}}} in {address.path} name? Add it to OBJECTS (and make one in `_side`) or to TOKENS"
        " in tests/sweep/sweep_world.py."
    )


def filled(address: Address, ids: dict[str, str]) -> str:
    """The address with these ids; tokens are ones that nobody made."""
    kinds = {parameter: object_of(address, parameter) for parameter in address.parameters}
    return address.filled({name: ids[kind] if kind else FILLED.get(name, "1") for name, kind in kinds.items()})


def ask(world: World, caller: str, method: str, path: str) -> Any:
    """The answer to a request with an empty body."""
    client = world.callers[caller]
    body = {} if method in ("GET", "DELETE") else {"data": "{}", "content_type": "application/json"}
    if method == "POST" and "/v1/" not in path:
        body = {"data": {}}
    return getattr(client, method.lower())(path, **body)


def methods_of(address: Address) -> Iterator[str]:
    """The methods to try: all of the API's, GET and POST of a page."""
    yield from API_METHODS if address.methods else ("GET", "POST")


def unlisted(address: Address) -> set[int]:
    """What a method that no line names may answer: 405, or just what everybody gets from GET."""
    row = MATRIX.get(f"GET {address.path}")
    return {405, row.status} if row and row.needs == "anyone" else {405}


def test_no_address_is_left_out() -> None:
    there: set[str] = set()
    for _, address in everywhere():
        if address.module.startswith("allauth."):
            assert address.path in ALLAUTH, f"Add {address.path!r} to ALLAUTH in tests/sweep/matrix.py."
            there.add(address.path)
            continue
        lines = [f"{method} {address.path}" for method in methods_of(address)]
        for method in address.methods:
            line = f"{method} {address.path}"
            assert line in MATRIX, HOW.format(line=line)
        assert any(line in MATRIX for line in lines), HOW.format(line=lines[0])
        there.update(lines)
    gone = sorted({*MATRIX, *ALLAUTH} - there)
    assert gone == [], "These lines name no address any more; take them out of tests/sweep/matrix.py."


@pytest.mark.parametrize("part", range(PARTS))
def test_every_caller_gets_exactly_what_the_table_says(world: World, part: int) -> None:
    assert set(CALLERS) == set(world.callers), "Name the new role or key in tests/sweep/matrix.py."
    wrong = []
    for conf, address in everywhere()[part::PARTS]:
        if address.module.startswith("allauth."):
            continue
        path = filled(address, NOBODYS)
        with served_by(conf):
            for method in methods_of(address):
                line = f"{method} {address.path}"
                row = MATRIX.get(line)
                # A method that no line names must not do anything for those who may do the most.
                for caller in CALLERS if row else ("nobody", "full key", "owner", "operator admin"):
                    answer = ask(world, caller, method, path)
                    want = {expected(caller, line, row)} if row else unlisted(address)
                    if answer.status_code not in want:
                        wrong.append(f"{line} by {caller}: {answer.status_code}, not {want}")
    assert not wrong, "\n".join([*wrong, HOW.format(line="POST /…")])


def test_the_pages_of_sign_in_know_who_is_signed_in(world: World) -> None:
    wrong = []
    for path, (nobody, person) in ALLAUTH.items():
        for caller in ("nobody", "full key", "owner", "stranger", "operator admin"):
            want = nobody if caller in ("nobody", "full key") else person
            got = world.callers[caller].get(path.replace("{", "").replace("}", "").replace("pk", "1")).status_code
            if got != want:
                wrong.append(f"{path} by {caller}: {got}, not {want}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.unit
def test_the_table_can_fail() -> None:
    row = Row("batches:read", 200)
    assert expected("nobody", "GET /v1/x", row) == 401
    assert expected("crew", "GET /v1/x", row) == 403
    assert expected("full key", "GET /v1/x", row) == 200
    assert expected("full key", "GET /x/", row) == 302
    assert expected("crew", "GET /x/", row) == 403
    assert expected("nobody", "GET /x/", row) == 302
    assert all(holders <= set(CALLERS) for holders in HOLDERS.values())
