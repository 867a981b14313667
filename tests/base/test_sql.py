"""Lists as the arrays that statements take."""

import pytest

from pilothouse.kernel.base.sql import array_literal

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("values", "literal"),
    [
        ([], "{}"),
        ([None, None], "{NULL,NULL}"),
        ([1, None, -3], "{1,NULL,-3}"),
        ([0, 2.5], "{0,2.5}"),
        ([1e-7, None], "{1e-07,NULL}"),
        (['a "quoted" \\ word', None], '{"a \\"quoted\\" \\\\ word",NULL}'),
    ],
)
def test_numbers_and_texts_become_a_literal(values: list[object], literal: str) -> None:
    assert array_literal(values) == literal


@pytest.mark.parametrize("values", [[True, 1], [1, "a"], [b"x"]])
def test_other_lists_are_the_drivers(values: list[object]) -> None:
    assert array_literal(values) is values
