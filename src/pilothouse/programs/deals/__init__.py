"""Escrow deals: a market in which money waits until both sides have what they were promised."""
