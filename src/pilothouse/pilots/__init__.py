"""Pilots of any program: their runbooks, steps, verdicts and papers, what their people ask, and what is learnt."""
