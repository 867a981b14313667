"""Pilothouse runs production pilots that prove themselves."""
