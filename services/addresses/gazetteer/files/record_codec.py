"""Encodes a `Blpu` in few bytes, and decodes it.

Dictionaries number what many records share: street, ward and borough, classification and status, dates, house numbers, texts. A record is a
sequence of such numbers, each a Unicode code point, in UTF-8. Small numbers, the common ones, take one byte, and CPython decodes the
sequence in one call. Columns hold the coordinates, because spatial queries read them too.

`RecordWriter.encode` defines the order of the numbers; changing it requires a higher `manifest.FORMAT`.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path

from services.addresses.domain.addressbase.records import (
    NO_NUMBERING,
    Blpu,
    BlpuState,
    DeliveryPoint,
    Language,
    LogicalStatus,
    Lpi,
    Numbering,
)

from .columns import Numbered, Texts, Tuples, write_texts, write_tuples

INLINE = 0x10FFFF
"""Marks a text stored inline, letter by letter, because the dictionary of texts is full."""
MOST_TEXTS = INLINE
DICTIONARIES = ("texts", "dates", "places", "kinds", "streets", "heads", "numberings", "thoroughfares")

TEXTS_KEPT_DECODED = 50_000
_POINT_PARTS = (2, 4, 8, 16, 32, 64, 128)
"""Bits of a delivery point's optional parts; bit 1 says that its date is that of its BLPU."""
_STATUSES = {int(status): status for status in LogicalStatus}
_STATES: dict[int, BlpuState | None] = {0: None, **{int(state): state for state in BlpuState}}
_LANGUAGES = {str(language): language for language in Language}
_LPI_KEY = re.compile(r"([0-9]{4}[A-Z])([0-9]{9})", re.ASCII)
_TOID = re.compile(r"(osgb)([1-9][0-9]{1,13})", re.ASCII)


PARENT, TOID, ORGANISATION, LEGAL_NAME, LOCATOR, LOCATOR_IS_POSTCODE, SUCCESSORS, CROSS_REFERENCES, DELIVERED = (1 << at for at in range(9))
"""Bits of a record's optional parts."""


def _optional(blpu: Blpu) -> int:
    point = blpu.delivery_point
    same = point is not None and point.postcode == blpu.postcode_locator
    return (
        PARENT * (blpu.parent_uprn is not None) | TOID * (blpu.toid != "") | ORGANISATION * (blpu.organisation != "")
        | LEGAL_NAME * (blpu.legal_name != "") | LOCATOR * (blpu.postcode_locator != "" and not same) | LOCATOR_IS_POSTCODE * same
        | SUCCESSORS * (blpu.successors != ()) | CROSS_REFERENCES * (blpu.cross_references != ()) | DELIVERED * (point is not None)
    )  # fmt: skip


class RecordWriter:
    """Encodes records and builds their dictionaries."""

    def __init__(self) -> None:
        self.texts = Numbered()
        self.texts.of("")
        self.dates = Numbered()
        self.dates.of(None)
        self.places = Numbered()
        self.kinds = Numbered()
        self.streets = Numbered()
        self.heads = Numbered()
        self.numberings = Numbered()
        self.thoroughfares = Numbered()

    def write(self, folder: Path) -> None:
        """Write the dictionaries."""
        for name in DICTIONARIES:
            numbered: Numbered = getattr(self, name)
            if name == "texts":
                write_texts(folder / name, numbered.numbers)
            elif name == "dates":
                write_texts(folder / name, (day.isoformat() if day else "" for day in numbered.numbers))
            else:
                write_tuples(folder / name, numbered.numbers)

    def encode(self, blpu: Blpu) -> bytes:
        """Encode one record, without UPRN and coordinates."""
        codes: list[int] = []
        mask = _optional(blpu)
        self._head(codes, blpu, mask)
        if blpu.delivery_point:
            self._delivery_point(codes, blpu.delivery_point, blpu)
        for lpi in blpu.lpis:
            self._lpi(codes, lpi, blpu)
        self._tail(codes, blpu, mask)
        return "".join(map(chr, codes)).encode("utf-8", "surrogatepass")

    def _head(self, codes: list[int], blpu: Blpu, mask: int) -> None:
        state = int(blpu.state) if blpu.state is not None else 0
        codes.append(
            self.kinds.of(
                (
                    mask, len(blpu.lpis), int(blpu.logical_status), state, blpu.classification, blpu.rpc, blpu.postal_address,
                    blpu.multi_occupancy,
                )
            )
        )  # fmt: skip
        codes.append(self.places.of((blpu.borough, blpu.custodian, blpu.country, blpu.ward, blpu.parish)))
        dates = self.dates.of
        codes += (
            dates(blpu.state_date), dates(blpu.start_date), dates(blpu.end_date), dates(blpu.last_update), dates(blpu.entry_date),
        )  # fmt: skip
        if mask & ORGANISATION:
            self._text(codes, blpu.organisation)
        if mask & LOCATOR:
            self._text(codes, blpu.postcode_locator)

    def _tail(self, codes: list[int], blpu: Blpu, mask: int) -> None:
        if blpu.parent_uprn is not None:
            _wide(codes, blpu.parent_uprn)
        if mask & TOID:
            self._prefixed(codes, blpu.toid, _TOID)
        if mask & LEGAL_NAME:
            self._text(codes, blpu.legal_name)
        if mask & SUCCESSORS:
            codes.append(len(blpu.successors))
            for uprn in blpu.successors:
                _wide(codes, uprn)
        if mask & CROSS_REFERENCES:
            codes.append(len(blpu.cross_references))
            for source, key in blpu.cross_references:
                self._text(codes, source)
                self._text(codes, key)

    def _lpi(self, codes: list[int], lpi: Lpi, blpu: Blpu) -> None:
        has_sao, has_pao = lpi.sao != NO_NUMBERING, lpi.pao != NO_NUMBERING
        same_dates = lpi.start_date == blpu.start_date and lpi.end_date == blpu.end_date and lpi.last_update == blpu.last_update
        mask = has_sao | (lpi.sao_text != "") << 1 | has_pao << 2 | (lpi.pao_text != "") << 3 | same_dates << 4
        codes.append(self.heads.of((mask, int(lpi.logical_status))))
        self._prefixed(codes, lpi.lpi_key, _LPI_KEY)
        codes.append(
            self.streets.of(
                (
                    lpi.usrn, lpi.street, str(lpi.language), lpi.locality, lpi.town, lpi.administrative_area, lpi.area_name,
                    lpi.street_state, lpi.street_classification,
                )
            )
        )  # fmt: skip
        if has_sao:
            codes.append(self.numberings.of(tuple(lpi.sao)))
        if lpi.sao_text:
            self._text(codes, lpi.sao_text)
        if has_pao:
            codes.append(self.numberings.of(tuple(lpi.pao)))
        if lpi.pao_text:
            self._text(codes, lpi.pao_text)
        if not same_dates:
            dates = self.dates.of
            codes += (dates(lpi.start_date), dates(lpi.end_date), dates(lpi.last_update))

    def _delivery_point(self, codes: list[int], point: DeliveryPoint, blpu: Blpu) -> None:
        parts = (
            point.delivery_point_suffix, point.organisation_name, point.sub_building_name, point.building_name, point.building_number,
            point.department_name, point.po_box_number,
        )  # fmt: skip
        same_date = point.last_update == blpu.last_update
        codes.append(same_date | sum([bit for bit, text in zip(_POINT_PARTS, parts, strict=True) if text]))
        codes.append(
            self.thoroughfares.of(
                (
                    point.post_town, point.dependent_thoroughfare, point.thoroughfare, point.double_dependent_locality,
                    point.dependent_locality,
                )
            )
        )  # fmt: skip
        _wide(codes, point.udprn)
        self._text(codes, point.postcode)
        for text in parts:
            if text:
                self._text(codes, text)
        if not same_date:
            codes.append(self.dates.of(point.last_update))

    def _text(self, codes: list[int], text: str) -> None:
        numbers = self.texts.numbers
        number = numbers.get(text)
        if number is None:
            if len(numbers) >= MOST_TEXTS:
                codes += (INLINE, len(text), *map(ord, text))
                return
            number = numbers[text] = len(numbers)
        codes.append(number)

    def _prefixed(self, codes: list[int], text: str, form: re.Pattern[str]) -> None:
        """Encode a text of a known prefix and a long number; any other text follows an empty prefix."""
        if found := form.fullmatch(text):
            self._text(codes, found[1])
            _wide(codes, int(found[2]))
        else:
            self._text(codes, "")
            self._text(codes, text)


def _wide(codes: list[int], number: int) -> None:
    """A number of up to 60 bits as two or three of 20 bits; the lowest bit of the first says whether there is a third."""
    low, high = number & 0xFFFF, number >> 16
    if high < 1 << 15:
        codes += (high << 1, low)
    else:
        codes += ((high >> 16) << 1 | 1, high & 0xFFFF, low)


class RecordReader:
    """Decodes records. Dictionary entries in use are kept decoded."""

    def __init__(self, folder: Path) -> None:
        texts = Texts(folder / "texts")
        days = Texts(folder / "dates")
        self._dates = [date.fromisoformat(days[number]) if days[number] else None for number in range(len(days))]
        self._text_numbered = lru_cache(TEXTS_KEPT_DECODED)(texts.__getitem__)
        self._places = Tuples(folder / "places").get
        self._kinds = Tuples(folder / "kinds").get
        self._streets = Tuples(folder / "streets").get
        self._heads = Tuples(folder / "heads").get
        self._numberings = Tuples(folder / "numberings").get
        self._thoroughfares = Tuples(folder / "thoroughfares").get

    def decode(self, record: bytes | memoryview, uprn: int, place: tuple[float, float, float, float]) -> Blpu:
        """The record that `RecordWriter.encode` was given; `place` is easting, northing, latitude, longitude."""
        codes = str(record, "utf-8", "surrogatepass")
        take: Callable[[], int] = map(ord, codes).__next__
        mask, lpis, logical_status, state, classification, rpc, postal_address, multi_occupancy = self._kinds(take())
        borough, custodian, country, ward, parish = self._places(take())
        dates = self._dates
        state_date, start, end, last_update, entry = dates[take()], dates[take()], dates[take()], dates[take()], dates[take()]
        organisation = self._take_text(take) if mask & ORGANISATION else ""
        locator = self._take_text(take) if mask & LOCATOR else ""
        point = self._delivery_point(take, last_update) if mask & DELIVERED else None
        of_the_blpu = (start, end, last_update)
        read = tuple([self._lpi(take, of_the_blpu) for _ in range(lpis)])
        parent = _take_wide(take) if mask & PARENT else None
        toid = self._take_prefixed(take, "") if mask & TOID else ""
        legal_name = self._take_text(take) if mask & LEGAL_NAME else ""
        successors = tuple([_take_wide(take) for _ in range(take())]) if mask & SUCCESSORS else ()
        cross = tuple([(self._take_text(take), self._take_text(take)) for _ in range(take())]) if mask & CROSS_REFERENCES else ()
        if mask & LOCATOR_IS_POSTCODE and point:
            locator = point.postcode
        return Blpu(
            uprn, *place, borough, classification, read, point, _STATUSES[logical_status],
            _STATES[state], state_date, parent, rpc, custodian, country, postal_address, locator, multi_occupancy,
            toid, ward, parish, organisation, legal_name, start, end, last_update, entry, successors, cross,
        )  # fmt: skip

    def _lpi(self, take: Callable[[], int], of_the_blpu: tuple[date | None, date | None, date | None]) -> Lpi:
        mask, status = self._heads(take())
        key = self._take_prefixed(take, "09d")
        usrn, street, language, locality, town, administrative_area, area_name, street_state, street_class = self._streets(take())
        sao = Numbering(*self._numberings(take())) if mask & 1 else NO_NUMBERING
        sao_text = self._take_text(take) if mask & 2 else ""
        pao = Numbering(*self._numberings(take())) if mask & 4 else NO_NUMBERING
        pao_text = self._take_text(take) if mask & 8 else ""
        start, end, last_update = of_the_blpu if mask & 16 else (self._dates[take()], self._dates[take()], self._dates[take()])
        return Lpi(
            key, usrn, street, _STATUSES[status], _LANGUAGES[language], sao, sao_text, pao, pao_text, locality, town,
            administrative_area, area_name, start, end, last_update, street_state, street_class,
        )  # fmt: skip

    def _delivery_point(self, take: Callable[[], int], of_the_blpu: date | None) -> DeliveryPoint:
        mask = take()
        town, dependent_thoroughfare, thoroughfare, double_dependent, dependent = self._thoroughfares(take())
        udprn = _take_wide(take)
        postcode = self._take_text(take)
        suffix, organisation, sub_building, name, number, department, box = [
            self._take_text(take) if mask & bit else "" for bit in _POINT_PARTS
        ]
        last_update = of_the_blpu if mask & 1 else self._dates[take()]
        return DeliveryPoint(
            udprn, postcode, town, organisation, department, sub_building, name, number, box, dependent_thoroughfare, thoroughfare,
            double_dependent, dependent, suffix, last_update,
        )  # fmt: skip

    def _take_text(self, take: Callable[[], int]) -> str:
        number = take()
        if number == INLINE:
            return "".join([chr(take()) for _ in range(take())])
        return self._text_numbered(number)

    def _take_prefixed(self, take: Callable[[], int], width: str) -> str:
        prefix = self._take_text(take)
        return f"{prefix}{_take_wide(take):{width}}" if prefix else self._take_text(take)


def _take_wide(take: Callable[[], int]) -> int:
    first = take()
    if first & 1:
        return (first >> 1) << 32 | take() << 16 | take()
    return (first >> 1) << 16 | take()
