"""Composes a message without blocking the event loop: a long one in a thread, while other requests continue."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from services.notifications.domain import sanitisation
from services.notifications.domain.templates import Content, Template, compose

T = TypeVar("T")
LONG = 5_000
"""Characters and list items. Up to here, composition blocks the event loop for a tenth of a second at worst."""


async def composed(
    template: Template, values: Mapping[str, Any], *, prefix: str | None = None, unsubscribe_url: str | None = None
) -> Content:
    """Return `domain.templates.compose`'s message, and raise its errors."""
    size = len(template.body) + _length(list(values.values()))
    return await _run_in_thread_if_long(size, lambda: compose(template, values, prefix=prefix, unsubscribe_url=unsubscribe_url))


async def sanitised(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the values, with those in `names` sanitised by `domain.sanitisation.sanitise`."""
    return await _run_in_thread_if_long(_length(list(values.values())), lambda: sanitisation.sanitised(values, names))


async def _run_in_thread_if_long(size: int, work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work) if size > LONG else work()


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return sum(map(_length, value)) + len(value) if isinstance(value, list) else 1
