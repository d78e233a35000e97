"""`((name))` and `((name??text))` in templates, and the values that fill them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\(\(([^()]+)\)\)")
_SHOW = frozenset({"yes", "y", "true", "t", "1", "include", "show"})

Value = Any
"""What JSON can hold in a personalisation: text, a number, true or false, or a list of these. None counts as missing."""


def same_key(name: str) -> str:
    """The form in which two names of a placeholder are compared: case, spaces, `_` and `-` do not count."""
    return re.sub(r"[\s_\-]", "", name).lower()


class Personalisation:
    """The values of one message, found whatever the case, spaces, `_` and `-` of their names."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = {same_key(name): value for name, value in values.items()}

    def get(self, name: str) -> Value:
        """The value, or None where it is missing."""
        return self._values.get(same_key(name))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of the names that have no value, in their order."""
        return [name for name in names if self.get(name) is None]


def names_in(*texts: str | None) -> list[str]:
    """The placeholders' names in order of appearance, each once."""
    found: dict[str, str] = {}
    for text in texts:
        for match in _PLACEHOLDER.finditer(text or ""):
            name = match.group(1).split("??", 1)[0]
            found.setdefault(same_key(name), name)
    return list(found.values())


def fill(text: str, values: Personalisation, shown: Callable[[Value], str]) -> str:
    """The text with every placeholder replaced; `shown` writes one value. A conditional shows its text or nothing.

    A value that looks like a placeholder is not filled again. A missing value leaves its placeholder as it stands.
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
    """The bytes (UTF-8) of what `fill` would give, found without writing it: a short template may repeat a long value."""
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
    """Whether a conditional's value lets its text be seen."""
    return bool(value) and not isinstance(value, list) and str(value).lower() in _SHOW


def items_of(value: list[Value]) -> list[str]:
    """A list's items as text, without the empty ones."""
    return [text for item in value if item is not None and (text := str(item).strip())]


def as_sentence(value: Value) -> str:
    """A value in running text: a list reads `a, b and c`."""
    if not isinstance(value, list):
        return str(value)
    items = items_of(value)
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def as_bullets(value: Value) -> str:
    """A value in an email: a list becomes markdown bullets."""
    if not isinstance(value, list):
        return str(value)
    return "\n\n" + "\n".join(f"* {item}" for item in items_of(value))
