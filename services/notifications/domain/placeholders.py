"""`((name))` and `((name??text))` in templates, and the values that fill them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\(\(([^()]+)\)\)")
_SHOW = frozenset({"yes", "y", "true", "t", "1", "include", "show"})

Value = Any
"""A JSON value of a personalisation: text, number, boolean, or a list of these. None counts as missing."""


def normalised_name(name: str) -> str:
    """Return a placeholder's name for comparison: without case, spaces, `_` and `-`."""
    return re.sub(r"[\s_\-]", "", name).lower()


class Personalisation:
    """The values of one message. Case, spaces, `_` and `-` of their names do not count."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = {normalised_name(name): value for name, value in values.items()}

    def get(self, name: str) -> Value:
        """Return the value; None if it is missing."""
        return self._values.get(normalised_name(name))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the names that have no value, in their order."""
        return [name for name in names if self.get(name) is None]


def names_in(*texts: str | None) -> list[str]:
    """Return the placeholders' names in order of appearance, each once."""
    found: dict[str, str] = {}
    for text in texts:
        for match in _PLACEHOLDER.finditer(text or ""):
            name = match.group(1).split("??", 1)[0]
            found.setdefault(normalised_name(name), name)
    return list(found.values())


def fill(text: str, values: Personalisation, shown: Callable[[Value], str]) -> str:
    """Return the text with every placeholder replaced; `shown` formats one value.

    A conditional gives its text or nothing. A value that looks like a placeholder stays as it is. A missing value leaves its placeholder.
    """

    def replaced(match: re.Match[str]) -> str:
        name, conditional, hidden = match.group(1).partition("??")
        value = values.get(name)
        if value is None:
            return match.group(0)
        if conditional:
            return hidden if is_shown(value) else ""
        return shown(value)

    return _PLACEHOLDER.sub(replaced, text)


def filled_size(text: str, values: Personalisation, shown: Callable[[Value], str]) -> int:
    """Return the size of `fill`'s result in bytes (UTF-8) without building it, because a short template may repeat a long value."""
    sizes: dict[str, int] = {}
    size = len(text.encode())
    for match in _PLACEHOLDER.finditer(text):
        name, conditional, hidden = match.group(1).partition("??")
        value = values.get(name)
        if value is None:
            continue
        if conditional:
            size += len(hidden.encode()) if is_shown(value) else 0
        else:
            if name not in sizes:
                sizes[name] = len(shown(value).encode())
            size += sizes[name]
        size -= len(match.group(0).encode())
    return size


def is_shown(value: Value) -> bool:
    """Return whether a conditional's value selects its text."""
    return bool(value) and not isinstance(value, list) and str(value).lower() in _SHOW


def items_of(value: list[Value]) -> list[str]:
    """Return a list's items as text, without the empty ones."""
    return [text for item in value if item is not None and (text := str(item).strip())]


def as_sentence(value: Value) -> str:
    """Format a value for running text: a list reads `a, b and c`."""
    if not isinstance(value, list):
        return str(value)
    items = items_of(value)
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def as_bullets(value: Value) -> str:
    """Format a value for an email: a list becomes markdown bullets."""
    if not isinstance(value, list):
        return str(value)
    return "\n\n" + "\n".join(f"* {item}" for item in items_of(value))
