"""Cells of a CSV file that a person may open in a spreadsheet."""

import re

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)


def as_text(value: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe comes before a text that would begin one (OWASP, CSV Injection).

    A plain number (`-5`, `+447700900000`) is none, and stays as it is.
    """
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
