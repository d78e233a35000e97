"""Errors that refuse a request: bad input, or a step that is not possible now."""


class Refusal(ValueError):  # noqa: N818 (what it is called here)
    """Refuses bad input. The message is for the client and names the parameter."""


class StepRefused(Exception):  # noqa: N818 (says what happened)
    """Refuses a step that is not possible now. `kind` gives the reason to programs, the message to people."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
