"""Every form of the pages is sent twice by a test, or sending it again is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from form_table import FORMS, REPEATABLE
from matrix import MATRIX

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]


def test_every_form_stands_in_the_table_once() -> None:
    posts = {row.removeprefix("POST ") for row in MATRIX if row.startswith("POST /")}
    assert posts - set(FORMS) == {path for path in posts if path.startswith(("/v1/", "/docs/"))}
    assert set(FORMS) - posts == set()


@pytest.mark.parametrize("named", sorted({name for name in FORMS.values() if name != REPEATABLE}))
def test_the_test_that_is_named_is_there(named: str) -> None:
    file, name = named.split("::")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
