"""Errors that a command reports in one line."""


class CommandError(Exception):
    """A mistake that the operator can mend; `str()` is one line that says what is wrong and what to do."""
