"""Address files as tests write and read them: made-up addresses in the layouts of the real products."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

from services.addresses.domain.addressbase.formats.assemble import assemble
from services.addresses.domain.addressbase.formats.detect import detect_format
from services.addresses.domain.addressbase.incoming import Format, Incoming, Op
from services.addresses.domain.addressbase.records import Blpu

HEADER = '10,"GeoPlace",9999,2025-11-20,1,2025-11-20,10:21:31,"2.2","F"'
METADATA = (
    '29,"ABP","GB","OS","NAG","GeoPlace","D","GeoPlace",0,9999,"BNG","METRES",2025-11-20,'
    '"AddressBase Premium Classification Scheme",2025-11-20,"ENG","UTF-8"'
)
STREET = (
    '11,"I",1,20499901,1,5360,2,1990-01-01,1,8,0,1990-01-01,,2016-02-10,2006-03-02,'
    "533100.00,184000.00,51.5390000,-0.0820000,533200.00,184100.00,51.5400000,-0.0810000,10"
)
OLD_STREET = '11,"I",1,20499901,1,5360,2,1990-01-01,1,8,0,1990-01-01,,2016-02-10,2006-03-02,533100.00,184000.00,533200.00,184100.00,10'
DESCRIPTOR = '15,"I",2,20499901,"QUILLFEN STREET","","LONDON","HACKNEY","ENG",2007-01-01,,2016-02-10,2007-01-01'
BLPU = (
    '21,"I",3,10099900001,1,2,2001-05-04,10099900000,533150.50,184050.25,51.5394012,-0.0815734,1,5360,"E",'
    '2007-06-19,,2020-02-10,2001-05-04,"D","E8 1AA",0'
)
LPI = (
    '24,"I",4,10099900001,"5360L000099901","ENG",1,2007-06-19,,2020-02-10,2001-05-04,2,"","","","",14,"A",16,"B","KESTRELFORD HOUSE",'
    '20499901,"1","SHOREDITCH","","Y"'
)
CLASSIFICATION = (
    '32,"I",5,10099900001,"5360C000099901","RD06","AddressBase Premium Classification Scheme",1.0,2007-06-19,,2020-02-10,2001-05-04'
)
DELIVERY_POINT = (
    '28,"I",6,10099900001,52999901,"QUILL LTD","ACCOUNTS","FLAT 2","KESTRELFORD HOUSE",14,"FOXGLEN MEWS","QUILLFEN STREET",'
    '"LITTLE QUILL","QUILLTON","LONDON","E8 1AA","S","1A","","","","","","",2025-11-01,2012-03-19,,2016-02-10,2012-03-19'
)
RECORDS = (STREET, DESCRIPTOR, BLPU, LPI, CLASSIFICATION, DELIVERY_POINT)
"""One flat in Hackney and its street."""


def premium(*records: str, header: str = HEADER, following: int = 0) -> str:
    """A whole file with these records."""
    return "\r\n".join((header, METADATA, *records, f"99,{following},{len(records)},2025-11-20,10:21:31", ""))


def rows(text: str) -> list[list[str]]:
    """A file's rows."""
    return list(csv.reader(StringIO(text)))


def read(text: str, wanted: str | None = None) -> list[Incoming]:
    """What an address file says; it is recognised, read and ended."""
    found = rows(text)
    reader = detect_format(found[:20], wanted)
    assert isinstance(reader, Format)
    said = [incoming for row in found for incoming in reader.read(row)]
    reader.end()
    return said


@dataclass
class Held:
    """What has been read so far, as an import holds it."""

    parts: dict[int, dict[str, tuple[str, ...]]] = field(default_factory=dict)

    def apply(self, said: Iterable[Incoming]) -> "Held":
        for incoming in said:
            held = self.parts.setdefault(incoming.key, {})
            if incoming.op is Op.DELETE:
                held.pop(incoming.part, None)
            else:
                held[incoming.part] = incoming.fields
        return self

    def blpu(self, uprn: int, wards: Mapping[str, str] | None = None) -> Blpu | None:
        return assemble(uprn, self.parts[uprn], lambda usrn: self.parts.get(-usrn, {}), wards)

    def blpus(self) -> Iterator[Blpu]:
        found = (self.blpu(key) for key in sorted(self.parts) if key > 0)
        return (blpu for blpu in found if blpu)


def held(text: str, wanted: str | None = None) -> Held:
    """What one file gives."""
    return Held().apply(read(text, wanted))


def written(found: Iterable[Sequence[str]]) -> str:
    """Rows as a file."""
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(found)
    return out.getvalue()
