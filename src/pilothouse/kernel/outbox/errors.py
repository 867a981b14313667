"""What a person is told when the outbox refuses."""

from pilothouse.kernel.base.errors import PilothouseError


class TooManyEndpoints(PilothouseError):
    """The tenant has as many endpoints as it may have."""

    code = "too_many_endpoints"
    status = 409
    message = "An account may have {max_count} webhook endpoints; delete one first."


class EndpointOff(PilothouseError):
    """Something was to be sent to an endpoint that is disabled or deleted."""

    code = "endpoint_off"
    status = 409
    message = "The endpoint is {state}; nothing can be sent to it."


class NotReplayable(PilothouseError):
    """A delivery that is still under way, or whose endpoint is switched off."""

    code = "not_replayable"
    status = 409
    message = "This delivery cannot be sent again: it is still under way, or its endpoint is switched off."


class BodyTooLarge(PilothouseError):
    """A webhook body above the limit."""

    code = "webhook_body_too_large"
    status = 422
    message = "The body has {size_bytes} bytes; {max_bytes} is the most."


class SecretShown(PilothouseError):
    """A signing secret is shown once."""

    code = "secret_shown"
    status = 409
    message = "This secret was shown before. Rotate it to get a new one; the old one works beside it for 24 hours."


class SecretChanged(PilothouseError):
    """A rotation was asked for of a secret that is not the present one any more."""

    code = "secret_changed"
    status = 409
    message = "This secret was rotated a moment ago; nothing was changed again."


class RotatedTooOften(PilothouseError):
    """As many secrets sign beside the present one as may; one more rotation would end one that a receiver may know."""

    code = "rotated_too_often"
    status = 409
    message = (
        "This secret was rotated {most} times within {hours} hours and all of them sign. Nothing was changed: use the "
        "newest one, or make another endpoint."
    )
