"""Sealed texts open in one spelling and for one purpose."""

import base64

import pytest
from forging import forged

from pilothouse.kernel.base.sealing import SealBroken, seal, seal_same, unseal, unseal_same

pytestmark = pytest.mark.unit
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def spellings(text: str) -> list[str]:
    """Other texts that a reader of base64 takes for the same bytes."""
    data = base64.urlsafe_b64decode(text + "==")
    others = [text[:-1] + letter for letter in LETTERS if letter != text[-1]]
    same = [other for other in others if base64.urlsafe_b64decode(other + "==") == data]
    return [*same, text + "=", text + "\n", text[:9] + " " + text[9:], text.replace("-", "+").replace("_", "/")]


@pytest.mark.parametrize("sealing", [(seal, unseal), (seal_same, unseal_same)], ids=["fernet", "siv"])
@pytest.mark.parametrize("length", [1, 15, 16, 17, 100])
def test_a_sealed_text_has_one_spelling_and_one_purpose(sealing, length):
    close, open_ = sealing
    sealed = close("a purpose", b"x" * length)
    assert open_("a purpose", sealed) == b"x" * length
    for other in {*spellings(sealed), forged(sealed), sealed[:-1], "", "ü", "\0"} - {sealed}:
        with pytest.raises(SealBroken):
            open_("a purpose", other)
    with pytest.raises(SealBroken):
        open_("another", sealed)
