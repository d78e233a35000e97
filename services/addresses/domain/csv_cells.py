"""Escapes cells of CSV files that people open in a spreadsheet."""

import re

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)


def as_text(value: str) -> str:
    """Puts an apostrophe before a text that a spreadsheet would run as a formula (OWASP, CSV Injection).

    Leaves a plain number (`-5`, `+447700900000`) unchanged.
    """
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
