"""Tenants' members, API keys, flags and sign-in."""
