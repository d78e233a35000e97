"""What the runner tells an operator when something cannot work."""


class OperatorError(Exception):
    """Something that the person at the keyboard can mend; `str()` is one line that says what is wrong and what to do."""
