"""Hashes a record to 64 bits, so that two releases can be compared without reading their records."""

import json
from dataclasses import fields
from datetime import date
from hashlib import blake2b
from operator import attrgetter
from typing import Any

from .records import Blpu, DeliveryPoint, Lpi

_PLACE = ("uprn", "easting", "northing", "latitude", "longitude")
_OF_BLPU = attrgetter(*(each.name for each in fields(Blpu) if each.name not in (*_PLACE, "lpis", "delivery_point")))
_OF_LPI = attrgetter(*(each.name for each in fields(Lpi)))
_OF_POINT = attrgetter(*(each.name for each in fields(DeliveryPoint)))


def fingerprint(blpu: Blpu) -> int:
    """Returns 64 bits of BLAKE2 over every value except the UPRN, with coordinates at their stored precision (1 cm, 1e-7 degrees).

    Two different records of a UPRN collide with a probability of 1 in 2**64.
    """
    place = (round(blpu.easting * 100), round(blpu.northing * 100), round(blpu.latitude * 1e7), round(blpu.longitude * 1e7))
    point = blpu.delivery_point
    values = (place, _OF_BLPU(blpu), point and _OF_POINT(point), [_OF_LPI(lpi) for lpi in blpu.lpis])
    return int.from_bytes(blake2b(_encode(values).encode(), digest_size=8).digest(), "little")


def _encode_date(value: Any) -> Any:
    if isinstance(value, date):
        return value.toordinal()
    raise TypeError(f"a record holds a {type(value).__name__}")


_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_encode_date).encode
