"""What a property's address was on a day in the past, as far as its record tells.

A BLPU and each of its LPIs has the day on which it began, and the day on which it ended where it has. What has no start is taken to
have been there always. The delivery point has no dates: it stands for the LPI that is approved now.
"""

from dataclasses import replace
from datetime import date

from .records import Blpu, LogicalStatus, Lpi


def as_at(blpu: Blpu, day: date) -> Blpu | None:
    """The property with the addresses that it had on a day; None where it, or every address of it, was not there yet or no more.

    What was in force then and has become historical since was approved then, unless what is approved now was in force already.
    """
    if not _in_force(blpu.start_date, blpu.end_date, day):
        return None
    held = tuple(lpi for lpi in blpu.lpis if _in_force(lpi.start_date, lpi.end_date, day))
    if blpu.lpis and not held:
        return None
    still = not blpu.lpis or any(lpi.logical_status is LogicalStatus.APPROVED for lpi in held)
    return replace(
        blpu,
        lpis=held if still else tuple(map(_restored, held)),
        delivery_point=blpu.delivery_point if still else None,
        postcode_locator=blpu.postcode_locator if still else blpu.postcode,
        logical_status=LogicalStatus.APPROVED if blpu.logical_status is LogicalStatus.HISTORICAL else blpu.logical_status,
    )


def ended_by(blpu: Blpu, day: date) -> tuple[Lpi, ...]:
    """The addresses that a property no longer had on a day."""
    return tuple(lpi for lpi in blpu.lpis if lpi.end_date is not None and lpi.end_date <= day)


def historical(blpu: Blpu) -> tuple[Lpi, ...]:
    """The addresses that a property no longer has."""
    return tuple(lpi for lpi in blpu.lpis if lpi.logical_status is LogicalStatus.HISTORICAL)


def alternatives(blpu: Blpu) -> tuple[Lpi, ...]:
    """The addresses that a property has beside its official one: other ways to give it, other languages, provisional ones."""
    living = [lpi for lpi in blpu.lpis if lpi.logical_status is not LogicalStatus.HISTORICAL]
    official = next((lpi for lpi in living if lpi.logical_status is LogicalStatus.APPROVED), next(iter(living), None))
    return tuple(lpi for lpi in living if lpi is not official)


def _in_force(start: date | None, end: date | None, day: date) -> bool:
    return (start is None or start <= day) and (end is None or day < end)


def _restored(lpi: Lpi) -> Lpi:
    return replace(lpi, logical_status=LogicalStatus.APPROVED) if lpi.logical_status is LogicalStatus.HISTORICAL else lpi
