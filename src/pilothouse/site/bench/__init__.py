"""Benches: each measures the house, its bare limit and a peer in one run, in interleaved rounds on one server."""
