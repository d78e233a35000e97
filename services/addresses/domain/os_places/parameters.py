"""Parses the parameters of OS Places requests. Raises `Refusal` with a sentence that names the invalid parameter."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from services.addresses.domain.addressbase.records import Blpu, Language
from services.addresses.domain.errors import Refusal
from services.addresses.domain.geography.crs import Crs, Place, shown, to_grid

from .filters import Filters
from .results import Dataset, Selection

MOST_RESULTS = 100
MOST_OFFSET = 1_000_000
MOST_SQUARE_KM = 1.0
"""Limit of a `bbox`."""
DEFAULT_RADIUS, LEAST_RADIUS, MOST_RADIUS = 100.0, 0.01, 1_000.0
"""Metres."""
LONGEST_ECHO = 100
"""Characters of an invalid value that the message repeats at most."""
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_UPRN = re.compile(r"[0-9]{1,12}", re.ASCII)
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)\s*([0-9][A-Z]{0,2})?", re.ASCII)
_LANGUAGES = {"EN": Language.ENGLISH, "CY": Language.WELSH}


class Parameters:
    """The query string of a request. A single-valued parameter takes its last value; an empty value counts as absent."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    def all(self, name: str) -> Sequence[str]:
        """Returns every value of a parameter, in order."""
        return self._values.get(name, ())

    def text(self, name: str) -> str:
        """Returns the value of a required parameter. Raises `Refusal` if it is absent."""
        value = self.get(name)
        if not value:
            raise Refusal(f"Required parameter {name} is missing or empty")
        return value

    def get(self, name: str, default: str = "") -> str:
        """Returns the value without surrounding spaces, or the default."""
        values = self._values.get(name)
        return (values[-1].strip() if values else "") or default

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Returns a whole number within bounds, or the default. Raises `Refusal` for any other value."""
        text = self.get(name)
        if not text:
            return default
        if not _WHOLE_NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise Refusal(f"Requested {name} must be a whole number between {least} and {most}. Requested {name} was {text[:LONGEST_ECHO]}")
        return int(text)

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Returns a number within bounds, or the default. Raises `Refusal` for any other value."""
        text = self.get(name)
        if not text:
            return default
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not least <= value <= most:
            raise Refusal(f"Requested {name} must be a number between {least:g} and {most:g}. Requested {name} was {text[:LONGEST_ECHO]}")
        return value

    def numbers(self, name: str, count: int) -> list[float]:
        """Returns exactly `count` numbers of a comma-separated list. Raises `Refusal` for any other value."""
        text = self.text(name)
        parts = [part.strip() for part in text.split(",", count)]
        if len(parts) != count or not all(_NUMBER.fullmatch(part) for part in parts) or any(abs(float(part)) > 1e12 for part in parts):
            raise Refusal(f"Requested {name} must be {count} numbers with commas between them. Requested {name} was {text[:LONGEST_ECHO]}")
        return [float(part) for part in parts]

    def crs(self, name: str) -> Crs:
        """Returns the coordinate reference system, by default the National Grid."""
        return Crs.named(self.get(name, Crs.EPSG_27700), name)


class Format(StrEnum):
    """The media format of an answer."""

    JSON = "JSON"
    XML = "XML"

    @classmethod
    def read(cls, given: Parameters) -> Self:
        """Reads `format` in any case. Raises `Refusal` for an unknown one."""
        text = given.get("format", cls.JSON)
        try:
            return cls(text.upper())
        except ValueError:
            raise Refusal(f"Requested format must be JSON or XML. Requested format was {text[:LONGEST_ECHO]}") from None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Options of the answer, which every operation accepts."""

    selection: Selection
    output: Crs
    most: int = MOST_RESULTS
    offset: int = 0
    format: Format = Format.JSON

    @classmethod
    def read(cls, given: Parameters, *, paged: bool = True) -> Self:
        """Reads `dataset`, `lr`, `fq`, `output_srs`, `format`, and for a paged answer `maxresults` and `offset`."""
        format_ = Format.read(given)
        return cls(
            Selection(_datasets(given), _languages(given), Filters.read(given.all("fq"))),
            given.crs("output_srs"),
            given.whole("maxresults", MOST_RESULTS, 1, MOST_RESULTS) if paged else MOST_RESULTS,
            given.whole("offset", 0, 0, MOST_OFFSET) if paged else 0,
            format_,
        )

    @property
    def dataset(self) -> str:
        """The datasets as text for the answer's header."""
        return ",".join(self.selection.datasets)

    @property
    def languages(self) -> str:
        """The languages as text for the answer's header."""
        return ",".join(code for code, language in _LANGUAGES.items() if language in self.selection.languages)


def _datasets(given: Parameters) -> tuple[Dataset, ...]:
    text = given.get("dataset", Dataset.DPA)
    try:
        return tuple(dict.fromkeys(Dataset(part.strip().upper()) for part in text.split(",")))
    except ValueError:
        raise Refusal(f"Requested dataset must be DPA, LPI or both. Requested dataset was {text[:LONGEST_ECHO]}") from None


def _languages(given: Parameters) -> frozenset[Language]:
    text = given.get("lr", "EN,CY")
    try:
        return frozenset(_LANGUAGES[part.strip().upper()] for part in text.split(","))
    except KeyError:
        raise Refusal(f"Requested lr must be EN, CY or both. Requested lr was {text[:LONGEST_ECHO]}") from None


def postcode_beginning(given: Parameters) -> tuple[str, str]:
    """Reads `postcode`, whole or a prefix (`SO1`, `SO16`, `SO16 0`, `SO16 0AS`); returns its outward and its inward part."""
    text = given.text("postcode")
    found = _POSTCODE.fullmatch(text.upper())
    if not found:
        raise Refusal(
            "Requested postcode must contain a minimum of the sector plus 1 digit of the district e.g. SO1. "
            f"Requested postcode was {text[:LONGEST_ECHO]}"
        )
    return found[1], found[2] or ""


def uprn(given: Parameters) -> int:
    """Reads `uprn`: up to twelve digits, with or without leading zeros."""
    text = given.text("uprn")
    if not _UPRN.fullmatch(text):
        raise Refusal(f"Requested uprn must be a whole number of up to 12 digits. Requested uprn was {text[:LONGEST_ECHO]}")
    return int(text)


def point(given: Parameters, name: str = "point") -> Place:
    """Reads a point in the system `srs` and transforms it to the National Grid."""
    first, second = given.numbers(name, 2)
    return to_grid(given.crs("srs"), [(first, second)], name)[0]


def radius(given: Parameters) -> float:
    """Reads `radius` in metres."""
    return given.number("radius", DEFAULT_RADIUS, LEAST_RADIUS, MOST_RADIUS)


@dataclass(frozen=True, slots=True)
class Box:
    """A `bbox` in the system of the request, with its bounding box on the National Grid."""

    crs: Crs
    least: tuple[float, float]
    most: tuple[float, float]
    on_grid: tuple[float, float, float, float]
    """Least easting and northing, greatest easting and northing, in metres."""

    @classmethod
    def read(cls, given: Parameters, *, crs: Crs | None = None, most_square_km: float = math.inf) -> Self:
        """Reads `bbox`: lower left and upper right corner.

        Raises `Refusal` for swapped corners, for a corner outside Great Britain, and for a box that is too large.
        """
        crs = crs or given.crs("srs")
        x1, y1, x2, y2 = given.numbers("bbox", 4)
        if x1 > x2 or y1 > y2:
            raise Refusal("Requested bbox must be its lower left and its upper right corner")
        corners = to_grid(crs, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)], "bbox")
        (e1, n1), (e2, n2), (e3, n3), (e4, n4) = corners
        square_km = abs((e3 - e1) * (n4 - n2) - (e4 - e2) * (n3 - n1)) / 2e6
        if square_km > most_square_km:
            raise Refusal(f"Requested bbox must be at most {most_square_km:g} km2. Requested bbox was {square_km:.6g} km2")
        eastings, northings = [corner.easting for corner in corners], [corner.northing for corner in corners]
        return cls(crs, (x1, y1), (x2, y2), (min(eastings), min(northings), max(eastings), max(northings)))

    def contains(self, blpu: Blpu) -> bool:
        """Tells whether a property is in the box in the system of the request. A box in degrees is no rectangle on the grid."""
        on_earth = shown(self.crs, blpu.latitude, blpu.longitude)
        if on_earth is None:
            first, second = float(blpu.easting), float(blpu.northing)
        else:
            first, second = on_earth if self.crs.is_mercator else (on_earth[1], on_earth[0])
        return self.least[0] <= first <= self.most[0] and self.least[1] <= second <= self.most[1]
