"""Why a call is refused, in GOV.UK Notify's own words: the texts are part of the wire contract."""

from typing import Self

FIELD_FAILED = "ValidationError"
BAD_REQUEST = "BadRequestError"


class Refusal(Exception):  # noqa: N818 (an answer, not a fault of ours)
    """A call is refused. `status` is the HTTP status; `errors` are pairs of error class and message, as Notify names them.

    Quotes are stripped from validation messages, as the original does.
    """

    def __init__(self, status: int, *errors: tuple[str, str], retry_after: int | None = None) -> None:
        super().__init__(", ".join(kind for kind, _ in errors))
        self.status = status
        self.errors = errors
        self.retry_after = retry_after

    @classmethod
    def bad_request(cls, message: str) -> Self:
        """The call is well formed but cannot be done."""
        return cls(400, (BAD_REQUEST, message))

    @classmethod
    def invalid(cls, *messages: str) -> Self:
        """Fields of the request are wrong; one message each, repeated ones once."""
        return cls(400, *((FIELD_FAILED, message.replace("'", "")) for message in dict.fromkeys(messages)))

    @classmethod
    def unauthenticated(cls, status: int, message: str) -> Self:
        """The token is missing (401) or not acceptable (403)."""
        return cls(status, ("AuthError", message))

    @classmethod
    def not_found(cls) -> Self:
        """There is nothing of that id that belongs to the caller's service."""
        return cls(404, ("NoResultFound", "No result found"))

    def as_body(self) -> dict[str, object]:
        """The reply body of Notify's v2 API."""
        return {"status_code": self.status, "errors": [{"error": kind, "message": message} for kind, message in self.errors]}
