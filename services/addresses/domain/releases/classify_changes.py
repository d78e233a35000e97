"""What became of UPRNs from one release to the next, once it is known which are new, gone, changed, and what took whose place.

Only what is in use counts: a record that is historical in both releases is no news, one that becomes historical is retired.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .changes import Change, Happened


@dataclass(frozen=True, slots=True)
class Moved:
    """UPRNs that lost or gained their meaning by way of others."""

    merged: tuple[Change, ...] = ()
    split: tuple[Change, ...] = ()
    reported: frozenset[int] = field(default=frozenset())
    """UPRNs of which nothing more is to be said: they are part of these changes."""


def moved(
    successors: Mapping[int, tuple[int, ...]],
    divided: Mapping[int, tuple[int, ...]],
    united: Mapping[int, tuple[int, ...]],
    was_in_use: Callable[[int], bool],
) -> Moved:
    """Merged and split UPRNs.

    `successors` are the UPRNs that took the place of each retired one (record type 30); `divided` the new children of each building that
    became a shell; `united` the children that were retired from each shell that became one dwelling. One that was replaced by one other is
    merged into it: with it, where it was in use before.
    """
    merged: dict[int, set[int]] = defaultdict(set)
    split: dict[int, set[int]] = {}
    for uprn, after in successors.items():
        if len(after) == 1:
            merged[after[0]].add(uprn)
        else:
            split[uprn] = set(after)
    for uprn, children in united.items():
        if len(children) > 1 and not any(child in successors for child in children):
            merged[uprn].update(children)
    for uprn, children in divided.items():
        if len(children) > 1 and uprn not in split:
            split[uprn] = set(children)
    merges = [_merge(after, before, also=after not in united and was_in_use(after)) for after, before in sorted(merged.items())]
    splits = [Change(Happened.SPLIT, (uprn,), tuple(sorted(after))) for uprn, after in sorted(split.items())]
    reported = frozenset(uprn for change in (*merges, *splits) for uprn in (*change.before, *change.after))
    return Moved(tuple(merges), tuple(splits), reported)


def _merge(after: int, before: Iterable[int], *, also: bool) -> Change:
    return Change(Happened.MERGED, tuple(sorted({*before, after} if also else {*before})), (after,))


def changes(created: Iterable[int], changed: Iterable[int], retired: Iterable[int], by_others: Moved) -> Iterator[Change]:
    """All changes, those of a kind together, each kind in the order of UPRNs; what merged or split is not told again."""
    reported = by_others.reported
    yield from (Change(Happened.CREATED, (), (uprn,)) for uprn in created if uprn not in reported)
    yield from (Change(Happened.CHANGED, (uprn,), (uprn,)) for uprn in changed if uprn not in reported)
    yield from by_others.merged
    yield from by_others.split
    yield from (Change(Happened.RETIRED, (uprn,), ()) for uprn in retired if uprn not in reported)
