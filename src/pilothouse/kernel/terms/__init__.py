"""Versioned, immutable, pinned parameters."""
