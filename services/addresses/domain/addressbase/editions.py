"""The edition of a supply: its product, its day, and the attribution that must be shown with its data."""

import re
from calendar import month_name
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from .formats import code_point_open as code_point
from .formats import core, onspd, open_uprn, premium
from .formats.premium_records import HEADER

What = Literal["premises", "postcodes"]


class Edition(BaseModel):
    """One product that a release contains, in the edition of the latest import."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: What
    """The part of the release that comes from the product."""
    product: str
    name: str
    """The supply's own name of the edition, else its day; empty if neither header nor file name gives one."""
    day: date | None
    """The day on which the supplier extracted the data, if the supply gives it."""
    attribution: str
    """The acknowledgement that the licence demands beside the data; empty for synthetic data."""

    def is_before(self, other: "Edition") -> bool:
        """Tells whether this edition is older than another of the same product.

        Compares epochs, days or months, whichever both editions give. Returns False if they share none.
        """
        if self.name.isdigit() and other.name.isdigit():
            return int(self.name) < int(other.name)
        one, two = self.when, other.when
        known = min(len(one), len(two))
        return one[:known] < two[:known]

    @property
    def when(self) -> tuple[int, ...]:
        """Year, month and day, as far as the edition gives them."""
        if self.day:
            return self.day.year, self.day.month, self.day.day
        month, _, year = self.name.partition(" ")
        return (int(year), list(month_name).index(month)) if month in month_name and year.isdigit() else ()


class _Product(NamedTuple):
    of: What
    name: str
    attribution: str
    """A template with `{product}` and `{year}`; the value of `{year}` brings its leading space."""


_LICENSED = (
    "{product}: © Crown copyright and database rights{year} Ordnance Survey; contains Royal Mail data © Royal Mail copyright and database "
    "right{year}. Used under licence: it is not open data."
)
_OPEN_OS = "Contains OS data © Crown copyright and database right{year}."
_OPEN_POSTCODES = f"{_OPEN_OS} Contains Royal Mail data © Royal Mail copyright and database right{{year}}."
_OPEN_ONS = f"{_OPEN_POSTCODES} Source: Office for National Statistics licensed under the Open Government Licence v3.0."
_NSPL = _Product("postcodes", "National Statistics Postcode Lookup", _OPEN_ONS)
_PRODUCTS = {
    core.NAME: _Product("premises", "AddressBase Core", _LICENSED),
    premium.NAME: _Product("premises", "AddressBase Premium", _LICENSED),
    open_uprn.NAME: _Product("premises", "OS Open UPRN", _OPEN_OS),
    onspd.NAME: _Product("postcodes", "ONS Postcode Directory", _OPEN_ONS),
    code_point.NAME: _Product("postcodes", "Code-Point Open", _OPEN_POSTCODES),
}
_MADE_UP = re.compile("made[ _]up", re.IGNORECASE)
MADE_UP = ", made up"
"""Suffix of the product name of synthetic data."""
_EPOCH = re.compile(r"epoch[ _-]?([0-9]{1,3})(?![0-9])", re.IGNORECASE)
_DAY = re.compile(r"(?<![0-9])(20[0-9]{2}-[01][0-9]-[0-3][0-9])(?![0-9])")
_MONTH_YEAR = re.compile(r"(?<![A-Za-z])([A-Za-z]{3})[A-Za-z]{0,6}_(20[0-9]{2})(?![0-9])")
_YEAR_MONTH = re.compile(r"(?<![0-9])(20[0-9]{2})([01][0-9])(?![0-9])")
_CUSTODIAN, _PROCESSED = 1, 3
"""Columns of Premium's header, counted from 0."""


def as_reported(format_name: str, file_name: str, first_row: Sequence[str]) -> Edition:
    """Reads the edition of one file of a supply: Premium from its header (type 10, PROCESS_DATE), other formats from the file name."""
    product = _PRODUCTS[format_name]
    if format_name == onspd.NAME and "nspl" in file_name.lower():
        product = _NSPL
    header = first_row if format_name == premium.NAME and first_row and first_row[0].lstrip("\ufeff") == HEADER else ()
    day = (_day(header[_PROCESSED]) if header else None) or _day(file_name)
    epoch = _EPOCH.search(file_name)
    edition = epoch[1] if epoch else day.isoformat() if day else _month(file_name)
    if _MADE_UP.match(file_name) or (header and _MADE_UP.match(header[_CUSTODIAN])):
        return Edition(of=product.of, product=f"{product.name}{MADE_UP}", name=edition, day=day, attribution="")
    year = f" {edition[-4:] if not day else day.year}" if day or edition[-4:].isdigit() else ""
    attribution = product.attribution.format(product=product.name, year=year)
    return Edition(of=product.of, product=product.name, name=edition, day=day, attribution=attribution)


def product_of(format_name: str) -> str:
    """Returns the name of the product that is supplied in a format."""
    return _PRODUCTS[format_name].name


def is_supply(edition: Edition) -> bool:
    """Tells whether an edition supplies premises, and not only their positions (OS Open UPRN)."""
    return edition.of == "premises" and edition.product.removesuffix(MADE_UP) != product_of(open_uprn.NAME)


def merge_editions(before: Iterable[Edition], new: Iterable[Edition]) -> tuple[Edition, ...]:
    """Merges editions in the order of their import; of each product the last one stays."""
    found: dict[tuple[What, str], Edition] = {}
    for edition in (*before, *new):
        found.pop((edition.of, edition.product), None)
        found[edition.of, edition.product] = edition
    return tuple(found.values())


def newest(editions: Iterable[Edition], of: What) -> Edition | None:
    """Returns the edition of premises or postcodes that was imported last."""
    return next((edition for edition in reversed(list(editions)) if edition.of == of), None)


def _day(text: str) -> date | None:
    found = _DAY.search(text)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _month(file_name: str) -> str:
    """Returns `November 2025` for `ONSPD_NOV_2025_UK.csv` and `osopenuprn_202511.csv`; empty if the name has no month."""
    months = {name[:3].lower(): name for name in month_name if name}
    for found in _MONTH_YEAR.finditer(file_name):
        if name := months.get(found[1].lower()):
            return f"{name} {found[2]}"
    compact = _YEAR_MONTH.search(file_name)
    return f"{month_name[int(compact[2])]} {compact[1]}" if compact and 1 <= int(compact[2]) <= 12 else ""
