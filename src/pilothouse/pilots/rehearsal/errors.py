"""Why a rehearsal does not begin."""

from pilothouse.kernel.base.errors import InvalidInput


class RehearsalLength(InvalidInput):
    """Too short to show anything, or longer than anybody would wait for."""

    code = "rehearsal_length"
    message = "A rehearsal lasts 1 to {most} days; {days} were asked for, and nothing was played."


class RehearsalSeed(InvalidInput):
    """A story is found again by its seed, so that it has one form."""

    code = "rehearsal_seed"
    message = "A seed is a whole number from 0 to {most}; {seed} was given, and nothing was played."


class RehearsalTermsUnknown(InvalidInput):
    """The house has no such version."""

    code = "rehearsal_terms_unknown"
    message = "This house has no {wanted} of {name}; `pilothouse deals terms list` and the desk show what it has."


class RehearsalTermsSame(InvalidInput):
    """A what-if needs something else to compare with."""

    code = "rehearsal_terms_same"
    message = (
        "These terms say what version {version} of {name} says, with which the rehearsal is played anyway; there is"
        " nothing to compare."
    )
