"""Tokens and links as somebody would forge them."""


def forged(text: str) -> str:
    """`text` with its middle character changed: the last one of base64 may stand for the same bytes in another."""
    at = len(text) // 2
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
