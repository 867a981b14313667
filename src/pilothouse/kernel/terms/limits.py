"""Limits of the terms room, unit last."""

VERSIONS_MAX_ROWS = 500
