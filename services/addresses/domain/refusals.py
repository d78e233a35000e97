"""What a request is refused for: the input is at fault, and the message says how."""


class Refusal(ValueError):  # noqa: N818 (what it is called here)
    """Bad input. The message is for the client, and names the parameter."""
