"""Writes a message without holding the event loop: a long one is written in a thread, in which other requests get their turns."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from services.notifications.domain import sanitisation
from services.notifications.domain.templates import Content, Template, compose

T = TypeVar("T")
LONG = 5_000
"""Characters and list items: what markdown of that length takes at worst, a tenth of a second, may be taken at once."""


async def composed(
    template: Template, values: Mapping[str, Any], *, prefix: str | None = None, unsubscribe_url: str | None = None
) -> Content:
    """The message, as `domain.templates.compose` writes it; raises what that raises."""
    size = len(template.body) + _length(list(values.values()))
    return await _apart(size, lambda: compose(template, values, prefix=prefix, unsubscribe_url=unsubscribe_url))


async def sanitised(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The values, those named in `names` as `domain.sanitisation.sanitise` writes them."""
    return await _apart(_length(list(values.values())), lambda: sanitisation.sanitised(values, names))


async def _apart(size: int, work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work) if size > LONG else work()


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return sum(map(_length, value)) + len(value) if isinstance(value, list) else 1
