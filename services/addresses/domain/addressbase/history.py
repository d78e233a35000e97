"""The addresses of a property on a past day, and its historical and alternative addresses.

A BLPU and each of its LPIs have a start date, and an end date once they ended. A missing start date counts as "always". The delivery
point has no dates: it belongs to the LPI that is approved now.
"""

from dataclasses import replace
from datetime import date

from .records import Blpu, LogicalStatus, Lpi


def as_at(blpu: Blpu, day: date) -> Blpu | None:
    """Returns the property with the addresses in force on a day; None if the property, or every address of it, was not in force.

    Restores historical LPIs to approved, unless an LPI that is approved now was in force already. Drops the delivery point with them.
    """
    if not _in_force(blpu.start_date, blpu.end_date, day):
        return None
    lpis = tuple(lpi for lpi in blpu.lpis if _in_force(lpi.start_date, lpi.end_date, day))
    if blpu.lpis and not lpis:
        return None
    still_approved = not blpu.lpis or any(lpi.logical_status is LogicalStatus.APPROVED for lpi in lpis)
    return replace(
        blpu,
        lpis=lpis if still_approved else tuple(map(_restore, lpis)),
        delivery_point=blpu.delivery_point if still_approved else None,
        postcode_locator=blpu.postcode_locator if still_approved else blpu.postcode,
        logical_status=LogicalStatus.APPROVED if blpu.logical_status is LogicalStatus.HISTORICAL else blpu.logical_status,
    )


def ended_by(blpu: Blpu, day: date) -> tuple[Lpi, ...]:
    """Returns the LPIs that had ended on or before a day."""
    return tuple(lpi for lpi in blpu.lpis if lpi.end_date is not None and lpi.end_date <= day)


def historical(blpu: Blpu) -> tuple[Lpi, ...]:
    """Returns the LPIs with the logical status "historical"."""
    return tuple(lpi for lpi in blpu.lpis if lpi.logical_status is LogicalStatus.HISTORICAL)


def alternatives(blpu: Blpu) -> tuple[Lpi, ...]:
    """Returns the current LPIs other than the official one: alternatives, other languages, provisional ones."""
    current = [lpi for lpi in blpu.lpis if lpi.logical_status is not LogicalStatus.HISTORICAL]
    official = next((lpi for lpi in current if lpi.logical_status is LogicalStatus.APPROVED), next(iter(current), None))
    return tuple(lpi for lpi in current if lpi is not official)


def _in_force(start: date | None, end: date | None, day: date) -> bool:
    return (start is None or start <= day) and (end is None or day < end)


def _restore(lpi: Lpi) -> Lpi:
    return replace(lpi, logical_status=LogicalStatus.APPROVED) if lpi.logical_status is LogicalStatus.HISTORICAL else lpi
