"""Writes change-only supplies: the differences between two lists of records in the order of their UPRNs."""

from collections.abc import Iterable, Iterator

from services.addresses.domain.addressbase.incoming import Op
from services.addresses.domain.addressbase.records import Blpu

from . import premium_records as types
from . import write_core as writing_core
from .assemble_premium import Fields
from .write_premium import Record, Row, records, street_records

_Streets = dict[tuple[int, str], tuple[str, Fields]]


def premium_changes(before: Iterable[Blpu], after: Iterable[Blpu]) -> Iterator[list[Record]]:
    """Yields the changed records of each property, then of each street. Keeps the streets in memory.

    A merged or split property appears in `after` as historical with `successors`. A property that is only in `before` is deleted.
    Raises ValueError if UPRNs do not ascend.
    """
    streets_before: _Streets = {}
    streets_after: _Streets = {}
    for old, new in _pairs(before, after):
        for blpu, streets in ((old, streets_before), (new, streets_after)):
            for key, record, fields in street_records(blpu) if blpu else ():
                streets.setdefault(key, (record, fields))
        if old != new and (changes := list(_changes(_keyed(old), _keyed(new)))):
            yield changes
    for key in sorted(streets_before.keys() | streets_after.keys()):
        group = list(_changes(_only(streets_before, key), _only(streets_after, key)))
        if group:
            yield group


def core_changes(before: Iterable[Blpu], after: Iterable[Blpu]) -> Iterator[Row]:
    """Yields a row for each changed property. Core has no history, so a property that ended is deleted.

    Raises ValueError if UPRNs do not ascend.
    """
    for old, new in _pairs(_in_core(before), _in_core(after)):
        if new is None:
            if old is not None:
                yield writing_core.row(old, Op.DELETE)
        elif old is None:
            yield writing_core.row(new, Op.INSERT)
        elif writing_core.row(old) != writing_core.row(new):
            yield writing_core.row(new, Op.UPDATE)


def _in_core(blpus: Iterable[Blpu]) -> Iterator[Blpu]:
    return (blpu for blpu in blpus if blpu.end_date is None)


def _pairs(before: Iterable[Blpu], after: Iterable[Blpu]) -> Iterator[tuple[Blpu | None, Blpu | None]]:
    olds, news = _ascending(before), _ascending(after)
    old, new = next(olds, None), next(news, None)
    while old or new:
        if new is None or (old and old.uprn < new.uprn):
            yield old, None
            old = next(olds, None)
        elif old is None or new.uprn < old.uprn:
            yield None, new
            new = next(news, None)
        else:
            yield old, new
            old, new = next(olds, None), next(news, None)


def _ascending(blpus: Iterable[Blpu]) -> Iterator[Blpu]:
    last = -1
    for blpu in blpus:
        if blpu.uprn <= last:
            raise ValueError(f"UPRN {blpu.uprn} comes after {last}: records must be in the order of their UPRNs, each once")
        last = blpu.uprn
        yield blpu


_Keyed = dict[tuple[str, str], tuple[str, Fields]]


def _keyed(blpu: Blpu | None) -> _Keyed:
    """Returns the records by type and key; the BLPU itself has an empty key."""
    found = records(blpu) if blpu else ()
    return {(record, "" if record == types.BLPU else fields[1]): (record, fields) for record, fields in found}


def _only(streets: _Streets, key: tuple[int, str]) -> _Keyed:
    return {("", ""): streets[key]} if key in streets else {}


def _changes(old: _Keyed, new: _Keyed) -> Iterator[Record]:
    """Yields deletions first: a new record may have the key of a deleted one."""
    yield from (Record(record, Op.DELETE, fields) for key, (record, fields) in old.items() if key not in new)
    for key, (record, fields) in new.items():
        if key not in old:
            yield Record(record, Op.INSERT, fields)
        elif old[key][1] != fields:
            yield Record(record, Op.UPDATE, fields)
