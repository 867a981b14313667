"""Promises, incidents, gates, metrics and alerts."""
