"""What a person is told about a file that was not taken or cannot be given."""

from pilothouse.kernel.base.errors import PilothouseError

from .limits import STORAGE_RETRY_AFTER_S


class FileTooLarge(PilothouseError):
    """More bytes than this kind of file may have."""

    code = "file_too_large"
    status = 413
    message = "The file is too large: {max_bytes} bytes is the most for this kind."


class FileTypeRefused(PilothouseError):
    """The bytes are not of a type that is accepted here, whatever the name says."""

    code = "file_type_refused"
    status = 415
    message = "The content of the file is {found}; accepted here: {accepted}."


class ImageRefused(PilothouseError):
    """An image that cannot be decoded, is animated or has too many pixels."""

    code = "image_refused"
    status = 422
    message = "The image was not accepted: {reason}."


class LinkInvalid(PilothouseError):
    """A link to a file that expired, was changed, or whose file is gone."""

    code = "link_invalid"
    status = 404
    message = "This link has expired or is not valid. Ask for a new one."


class StorageDown(PilothouseError):
    """The place where files are kept does not answer, or does not take our key; the log says which."""

    code = "storage_down"
    status = 503
    message = "Files cannot be read or written at the moment. Nothing was changed; try again in a minute."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": str(STORAGE_RETRY_AFTER_S)})


class UploadMissing(PilothouseError):
    """A direct upload was completed before its bytes had arrived."""

    code = "upload_missing"
    status = 409
    message = "No bytes have arrived for this upload yet."
