"""Errors that an operator can act on."""


class OperatorError(Exception):
    """An error that the operator can fix; `str()` is one line that names the problem and the remedy."""
