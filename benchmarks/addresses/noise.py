"""Addresses as people write them: PyPI `address-errors` (errors that councils' records have) and habits of our own that it does not know.

Half of a sample is written by each; shells, which `address-errors` has no form for, by habit. Everything comes from a seed. What a written
address means is known: the record that it was made from.
"""

import csv
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from address_errors import Controls, Corruptor, Noise, Profile, load_components

from services.addresses.domain.addressbase.records import Blpu, LogicalStatus
from services.addresses.domain.addressbase.single_line import line, lpi_line

COLUMNS = ("uprn", "subname", "name", "number", "streetname", "townname", "postcode", "locality", "parentuprn", "usrn")


@dataclass(frozen=True, slots=True)
class Written:
    """An address as somebody wrote it, with the UPRN that it is of; `postcode` is apart from it and may be empty."""

    text: str
    postcode: str
    uprn: int


def written(blpus: Sequence[Blpu], among: Iterable[Blpu], seed: int) -> list[Written]:
    """Each of `blpus` written once, in their order. `among` are all records of their town, by which `address-errors` knows siblings."""
    dice = random.Random(seed)
    delivered = [at for at, blpu in enumerate(blpus) if blpu.delivery_point]
    half = set(dice.sample(delivered, len(delivered) // 2))
    by_councils = iter(_by_councils([blpu for at, blpu in enumerate(blpus) if at in half], among, seed))
    return [next(by_councils) if at in half else by_habit(blpu, dice) for at, blpu in enumerate(blpus)]


def _by_councils(blpus: Sequence[Blpu], among: Iterable[Blpu], seed: int) -> list[Written]:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "components.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(COLUMNS)
            rows.writerows(_components(blpu) for blpu in among if blpu.delivery_point)
        components = load_components(str(file))
    controls = Controls(noise=Noise(rate=0.2, max_ops=1))
    corruptor = Corruptor(Profile.load(), seed=seed, controls=controls)
    corruptor.index(components)
    made = corruptor.generate([str(blpu.uprn) for blpu in blpus])
    return [Written(row["recorded_address"], row["recorded_postcode"], int(row["source_uprn"])) for row in made]


def _components(blpu: Blpu) -> tuple[str, ...]:
    point = blpu.delivery_point
    assert point is not None
    number, name = point.building_number, point.building_name
    if not number and name[:1].isdigit() and " " not in name:
        number, name = name, ""
    return (
        str(blpu.uprn), point.sub_building_name, name, number, point.thoroughfare, point.post_town, point.postcode,
        point.dependent_locality, str(blpu.parent_uprn or ""), str(blpu.lpis[0].usrn),
    )  # fmt: skip


# ------------------------------------------------------------ habits

SHORT = {
    "ROAD": "RD", "STREET": "ST", "AVENUE": "AVE", "GARDENS": "GDNS", "TERRACE": "TER", "CLOSE": "CL", "SQUARE": "SQ", "PLACE": "PL",
    "CRESCENT": "CRES", "COURT": "CT", "HOUSE": "HSE", "LANE": "LN", "GROVE": "GRV", "MANSIONS": "MANS", "ESTATE": "EST", "DRIVE": "DR",
    "BUILDINGS": "BLDGS", "GROUND": "GRD", "FLAT": "FLT", "BASEMENT": "BSMT", "FIRST": "1ST", "SECOND": "2ND",
}  # fmt: skip
_FLAT = re.compile(r"\bFLAT ([0-9]+|[A-Z])\b")
_LETTER_OF_NUMBER = re.compile(r"\bFLAT ([A-Z]), ([0-9]+) ")
_SUFFIXED = re.compile(r"(^|, )([0-9]+)([A-Z]) ")


def by_habit(blpu: Blpu, dice: random.Random) -> Written:
    """Written by one of the ways that an address may be put, with none to three habits upon it."""
    postcode = blpu.postcode
    text = _rendered(blpu, dice).removesuffix(postcode).rstrip(", ")
    for habit in dice.sample(HABITS, dice.choice((0, 1, 1, 1, 2, 2, 3))):
        text = habit(text, dice)
    if postcode and dice.random() < 0.04:
        postcode = _mistyped_postcode(postcode, dice)
    if dice.random() < 0.5:
        postcode = postcode.replace(" ", "")
    return Written(dice.choice((str.upper, str.lower, str.title, str.title))(text), postcode, blpu.uprn)


def _rendered(blpu: Blpu, dice: random.Random) -> str:
    """The delivery point, or an LPI: mostly the approved one, now and then an alternative or what was once."""
    approved = [lpi for lpi in blpu.lpis if lpi.logical_status is LogicalStatus.APPROVED]
    others = [lpi for lpi in blpu.lpis if lpi.logical_status is not LogicalStatus.APPROVED]
    if others and dice.random() < 0.2:
        return lpi_line(dice.choice(others), blpu.postcode, blpu.organisation)
    if approved and (dice.random() < 0.3 or not blpu.delivery_point):
        return lpi_line(approved[0], blpu.postcode, blpu.organisation)
    return line(blpu)


def _abbreviated(text: str, _: random.Random) -> str:
    return re.sub(r"[A-Z]+", lambda found: SHORT.get(found[0], found[0]), text)


def _flat_otherwise(text: str, dice: random.Random) -> str:
    """`179A` for Flat A, 179 and the other way round; Apartment, Apt, F5 or nothing for Flat."""
    if found := _LETTER_OF_NUMBER.search(text):
        return text.replace(found[0], f"{found[2]}{found[1]} ")
    if found := _SUFFIXED.search(text):
        return text.replace(found[0], f"{found[1]}FLAT {found[3]}, {found[2]} ")
    return _FLAT.sub(lambda found: dice.choice(("APT ", "APARTMENT ", "F", "")) + found[1], text)


def _misspelt(text: str, dice: random.Random) -> str:
    """One letter left out, doubled, replaced, or swapped with the next, in one word of five letters or more."""
    words = list(re.finditer(r"[A-Z]{5,}", text))
    if not words:
        return text
    word = dice.choice(words)
    at = dice.randrange(word.start() + 1, word.end() - 1)
    kind = dice.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    if kind == 2:
        return text[:at] + dice.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + text[at + 1 :]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _swapped(text: str, dice: random.Random) -> str:
    """Two neighbouring parts the other way round."""
    parts = text.split(", ")
    if len(parts) < 3:
        return text
    at = dice.randrange(len(parts) - 2)
    parts[at], parts[at + 1] = parts[at + 1], parts[at]
    return ", ".join(parts)


def _without_town(text: str, _: random.Random) -> str:
    return text.rpartition(", ")[0] or text


def _without_commas(text: str, _: random.Random) -> str:
    return text.replace(",", "")


def _without_estate(text: str, _: random.Random) -> str:
    return re.sub(r",? ?[A-Z]+ ESTATE", "", text)


def _joined(text: str, dice: random.Random) -> str:
    gaps = [found.start() for found in re.finditer(r"(?<=[A-Z]{4}) (?=[A-Z]{4})", text)]
    if not gaps:
        return text
    at = dice.choice(gaps)
    return text[:at] + text[at + 1 :]


HABITS: tuple[Callable[[str, random.Random], str], ...] = (
    _abbreviated, _flat_otherwise, _misspelt, _swapped, _without_town, _without_commas, _without_estate, _joined, _misspelt, _abbreviated,
)  # fmt: skip


def _mistyped_postcode(postcode: str, dice: random.Random) -> str:
    at = len(postcode) - dice.choice((1, 1, 2, 3))
    other = "ABDEFGHJLNPQRSTUWXYZ" if postcode[at].isalpha() else "0123456789"
    return postcode[:at] + dice.choice(other.replace(postcode[at], "")) + postcode[at + 1 :]
