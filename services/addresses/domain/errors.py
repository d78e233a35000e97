"""What a request is refused for: the input is at fault, or the step is not possible now; the message says how."""


class Refusal(ValueError):  # noqa: N818 (what it is called here)
    """Bad input. The message is for the client, and names the parameter."""


class StepRefused(Exception):  # noqa: N818 (says what happened)
    """The step is not possible now. `kind` names why for programs, the message for people."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
