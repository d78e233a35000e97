"""`sanitise_content_for`: rewrites values that come from the public, so that they cannot be links or markup."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from . import web_addresses
from .placeholders import normalised_name

_MARKUP = re.compile(r"([`*_()\\{}\[\]<>#+\-.!|])")
_ESCAPED = re.compile(r"\\([`*_()\\{}\[\]<>#+\-.!|])")


class Sanitised(str):
    """A value with its markup escaped by backslashes, as Notify reports it."""

    __slots__ = ()

    @property
    def as_read(self) -> str:
        """The text as its reader sees it, without the backslashes."""
        return _ESCAPED.sub(r"\1", self)


def sanitise(value: str) -> Sanitised:
    """Remove web addresses, break up text that only resembles one (`name.surname`), and escape markdown."""
    without_links = web_addresses.replaced(value, lambda link: link.replace(".", ". ") if _accidental(link) else "")
    return Sanitised(_MARKUP.sub(r"\\\1", without_links))


def _accidental(link: str) -> bool:
    return re.fullmatch(r"[a-zA-Z0-9.\-]+", link) is not None


def sanitised(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the values, with those in `names` sanitised; lists item by item."""
    wanted = {normalised_name(name) for name in names}
    return {name: _sanitised_value(value) if normalised_name(name) in wanted else value for name, value in values.items()}


def _sanitised_value(value: Any) -> Any:
    if isinstance(value, str):
        return sanitise(value)
    if isinstance(value, list):
        return [_sanitised_value(item) for item in value]
    return value


def report(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return both forms of every value that sanitising changed, for the reply's `sanitised_content`."""
    return {name: {"unsanitised": before[name], "sanitised": value} for name, value in after.items() if value != before[name]}
