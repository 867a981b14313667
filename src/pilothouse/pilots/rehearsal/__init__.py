"""Rehearsals: a pilot played in a database of its own, under a clock that jumps from one due instant to the next."""
