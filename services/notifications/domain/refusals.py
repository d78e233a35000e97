"""Refusals of calls, in GOV.UK Notify's words, which are part of the API."""

from typing import Self

FIELD_FAILED = "ValidationError"
BAD_REQUEST = "BadRequestError"


class Refusal(Exception):  # noqa: N818 (an answer, not a fault of ours)
    """A refused call.

    `status` is the HTTP status; `errors` are pairs of error class and message, as Notify names them. Validation messages lose their quotes,
    as in the original.
    """

    def __init__(self, status: int, *errors: tuple[str, str], retry_after: int | None = None) -> None:
        super().__init__(", ".join(kind for kind, _ in errors))
        self.status = status
        self.errors = errors
        self.retry_after = retry_after

    @classmethod
    def bad_request(cls, message: str) -> Self:
        """Refuse a well-formed call that the service cannot carry out."""
        return cls(400, (BAD_REQUEST, message))

    @classmethod
    def invalid(cls, *messages: str) -> Self:
        """Refuse wrong fields of a request, with one message each, and equal ones once."""
        return cls(400, *((FIELD_FAILED, message.replace("'", "")) for message in dict.fromkeys(messages)))

    @classmethod
    def unauthenticated(cls, status: int, message: str) -> Self:
        """Refuse a missing (401) or unacceptable (403) token."""
        return cls(status, ("AuthError", message))

    @classmethod
    def not_found(cls) -> Self:
        """Refuse an id that the caller's service does not have."""
        return cls(404, ("NoResultFound", "No result found"))

    def as_body(self) -> dict[str, object]:
        """Return the reply body of Notify's v2 API."""
        return {"status_code": self.status, "errors": [{"error": kind, "message": message} for kind, message in self.errors]}
