"""The only source of the time, so that tests set it and never sleep."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_sources: list[Callable[[], datetime]] = [_system]


def now() -> datetime:
    """Return the current instant, timezone-aware, in UTC."""
    return _sources[-1]()


@contextmanager
def at(source: Callable[[], datetime] | datetime) -> Iterator[None]:
    """Replace the clock in tests by a fixed instant, or by a function that returns the instant."""
    _sources.append(source if callable(source) else lambda: source)
    try:
        yield
    finally:
        _sources.pop()
