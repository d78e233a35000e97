"""Classify the changes of UPRNs between two releases, from the created, changed and retired UPRNs and their successors.

Only UPRNs in use count. A record that is historical in both releases is no change; one that becomes historical is retired.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .changes import Change, Happened


@dataclass(frozen=True, slots=True)
class Moved:
    """UPRNs that merged into others or split into others."""

    merged: tuple[Change, ...] = ()
    split: tuple[Change, ...] = ()
    reported: frozenset[int] = field(default=frozenset())
    """UPRNs in these changes, which are therefore neither created, changed nor retired."""


def moved(
    successors: Mapping[int, tuple[int, ...]],
    divided: Mapping[int, tuple[int, ...]],
    united: Mapping[int, tuple[int, ...]],
    was_in_use: Callable[[int], bool],
) -> Moved:
    """Classify merged and split UPRNs.

    `successors` maps each retired UPRN to its successors (AddressBase record type 30). `divided` maps each building that became a parent
    shell to its new children. `united` maps each shell that became one dwelling to its retired children. A UPRN with one successor merges
    into it; the successor also counts as a UPRN before the merge if it was in use.
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
    """Yield all changes grouped by kind, each kind in the order of UPRNs. UPRNs that merged or split appear only there."""
    reported = by_others.reported
    yield from (Change(Happened.CREATED, (), (uprn,)) for uprn in created if uprn not in reported)
    yield from (Change(Happened.CHANGED, (uprn,), (uprn,)) for uprn in changed if uprn not in reported)
    yield from by_others.merged
    yield from by_others.split
    yield from (Change(Happened.RETIRED, (uprn,), ()) for uprn in retired if uprn not in reported)
