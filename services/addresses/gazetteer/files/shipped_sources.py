"""The open data shipped in `services/addresses/data`; its README names contents and owners."""

import csv
import gzip
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter
from pathlib import Path

from services.addresses.domain.addressbase.editions import Edition
from services.addresses.domain.geography.location import Location
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.geography.postcode_records import PostcodeRecord, TerminatedPostcodeRecord, Ward
from services.addresses.domain.synthetic.generate import Site

EDITION = "2025.2"
"""The edition of Code-Point Open that provides the live postcodes."""
ATTRIBUTION = (
    "Contains OS data © Crown copyright and database right 2025. "
    "Contains Royal Mail data © Royal Mail copyright and database right 2025. "
    "Source: Office for National Statistics licensed under the Open Government Licence v3.0."
)
SHIPPED_EDITION = Edition(of="postcodes", product="Code-Point Open", name=EDITION, day=None, attribution=ATTRIBUTION)
"""The shipped postcodes. Every release cites them: they provide boroughs, wards and what imported postcodes lack."""
SHIPPED = Path(__file__).resolve().parents[2] / "data"

POSTCODES = "london_postcodes.csv.gz"
TERMINATED = "london_terminated_postcodes.csv.gz"
BOROUGHS = "london_boroughs.csv"
WARDS = "london_wards.csv"
"""File names in any folder of sources."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The four source files of one folder."""

    folder: Path = SHIPPED

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each file, in hexadecimal, by name."""
        names = (BOROUGHS, POSTCODES, TERMINATED, WARDS)
        return {name: sha256((self.folder / name).read_bytes()).hexdigest() for name in names}

    def boroughs(self) -> dict[str, str]:
        """Return borough names by GSS code."""
        return {row[0]: row[1] for row in self._rows(BOROUGHS, ("code", "name"))}

    def wards(self) -> list[Ward]:
        """Return every ward of London."""
        return [Ward(*row) for row in self._rows(WARDS, ("code", "name", "borough_code"))]

    def live(self) -> Iterator[PostcodeRecord]:
        """Yield every live postcode, in the order of the file."""
        place = ("postcode", "positional_quality", "easting", "northing")
        codes = ("borough_code", "ward_code", "introduced", "lsoa_2011", "msoa_2011")
        for postcode, quality, easting, northing, *others in self._rows(POSTCODES, (*place, *codes)):
            # Code-Point writes ONS's 1..9 as 10..90.
            yield PostcodeRecord(postcode, int(quality) // 10, Location(int(easting), int(northing)), *others)

    def sites(self, boroughs: Collection[str] | None = None) -> list[Site]:
        """Return the live postcodes of the boroughs (GSS codes; None for all) as sites for made-up premises."""
        return [
            Site(_whole(row.postcode), row.borough, row.location, row.ward)
            for row in self.live()
            if boroughs is None or row.borough in boroughs
        ]

    def terminated(self) -> Iterator[TerminatedPostcodeRecord]:
        """Yield every terminated postcode, including those that are live again."""
        for postcode, month, easting, northing in self._rows(TERMINATED, ("postcode", "terminated", "easting", "northing")):
            yield TerminatedPostcodeRecord(postcode, month, Location(int(easting), int(northing)))

    def _rows(self, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        path = self.folder / name
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines)
            header = next(rows)
            yield from map(itemgetter(*(header.index(column) for column in columns)), rows)


def _whole(postcode: str) -> Postcode:
    parsed = Postcode.parse(postcode)
    if parsed is None:
        raise ValueError(f"{postcode!r} in the shipped data is not a postcode")
    return parsed
