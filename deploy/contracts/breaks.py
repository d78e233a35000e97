"""What changes between two sets of contract documents break, for events and for HTTP."""

from collections.abc import Iterator, Mapping
from typing import Any

from .compatibility import unreadable
from .compatibility_http import broken_calls

Contracts = Mapping[str, Mapping[str, Any]]


def breaks(old: Contracts, new: Contracts) -> list[str]:
    """One plain sentence for each thing that a consumer of `old` would stumble over in `new`."""
    return list(_breaks(old, new))


def _breaks(old: Contracts, new: Contracts) -> Iterator[str]:
    for path, before in sorted(old.items()):
        kind, _, file = path.partition("/")
        name = file.removesuffix(".json")
        if kind == "schemas":
            yield from (f"event {name}: {found}" for found in _event(before, new.get(path)))
        elif kind == "openapi":
            now = new.get(path, {})
            yield from (f"{name} API: {found}" for found in broken_calls(before, now))


def _event(before: Mapping[str, Any], now: Mapping[str, Any] | None) -> Iterator[str]:
    """Both ways: consumers of the old contract read new events; consumers of the new one read events still stored or replayed."""
    if now is None:
        yield "is no longer published"
        return
    yield from (f"an old reader cannot read new events, {found}" for found in unreadable(now, before))
    yield from (f"a new reader cannot read old events, {found}" for found in unreadable(before, now))
