"""Transition tables as data, the timeline and timers."""
