"""Errors of the video program."""

from pilothouse.kernel.base import errors
from pilothouse.kernel.base.errors import InvalidInput, PilothouseError


class BatchSize(PilothouseError):
    """A batch has too few or too many items for this account."""

    code = "batch_size"
    status = 422
    message = "A batch has {minimum} to {maximum} items in this account; this one has {given}. Nothing was reserved."


class RequestIdConflict(errors.RequestIdConflict):
    """The request_id was used before with another body."""

    message = (
        "The request_id {request_id!r} belongs to batch {batch_id}, which was ordered with another body or another "
        "kind of key. Nothing was reserved."
    )


class RequestInFlight(errors.RequestInFlight):
    """The same request_id is being created at this moment."""

    message = (
        "A request with this request_id is being worked on. Ask again in {retry_after_s} s; it will not be doubled."
    )


class PriceChanged(PilothouseError):
    """The price list that a page showed is no longer the one in force."""

    code = "price_changed"
    status = 409
    message = "The price of a video has changed since this page was shown. Nothing was created."


class ImageRefused(PilothouseError):
    """An item names an image that is not there or is not an image."""

    code = "image_not_found"
    status = 422
    message = "items[{index}] names the image {image!r}, which was not uploaded to your account. Nothing was reserved."


class BatchCompleted(PilothouseError):
    """The batch has ended; there is nothing left to cancel."""

    code = "batch_completed"
    status = 409
    message = "Batch {batch_id} is completed. There is nothing left to cancel."


class AspectConflict(InvalidInput):
    """An item names a platform and an aspect that does not fit it."""

    code = "aspect_conflict"


class MetadataRefused(InvalidInput):
    """An item's metadata is too large or holds what cannot be stored and so could not be returned unchanged."""

    code = "metadata_refused"
