"""More of a true address never makes it less sure: for premises of whole releases, each part of the address left out.

Which premises are tried comes from a seed, and how many from a time budget; the test prints how many there were.
"""

import random
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest

from services.addresses.domain.addressbase.records import NO_NUMBERING, Blpu, DeliveryPoint, LogicalStatus, Lpi
from services.addresses.domain.addressbase.single_line import delivery_line, lpi_line
from services.addresses.gazetteer.search.gazetteer import Gazetteer

SECONDS, LEAST_TRIED = 15.0, 60
MOST = 20
DELIVERED = {"flat": "sub_building_name", "name": "building_name", "number": "building_number", "street": "thoroughfare",
             "town": "post_town", "organisation": "organisation_name"}  # fmt: skip
Rendered = Callable[[Collection[str]], str]


def parts_of(blpu: Blpu) -> tuple[list[str], Rendered]:
    """The parts of the address that is shown for a record, and what it is with some of them alone; the postcode is apart."""
    if blpu.delivery_point:
        return _of_delivery_point(blpu.delivery_point)
    approved = (lpi for lpi in blpu.lpis if lpi.logical_status is LogicalStatus.APPROVED)
    return _of_lpi(next(approved, blpu.lpis[0]), blpu.organisation)


def _of_delivery_point(point: DeliveryPoint) -> tuple[list[str], Rendered]:
    fields = {part: name for part, name in DELIVERED.items() if getattr(point, name)}
    empty: dict[str, Any] = dict.fromkeys(fields.values(), "")
    return list(fields), lambda kept: delivery_line(
        replace(point, postcode="", **{name: empty[name] for part, name in fields.items() if part not in kept})
    )


def _of_lpi(lpi: Lpi, organisation: str) -> tuple[list[str], Rendered]:
    empty: dict[str, dict[str, Any]] = {
        "flat": {"sao_text": "", "sao": NO_NUMBERING},
        "name": {"pao_text": ""},
        "number": {"pao": NO_NUMBERING},
        "street": {"street": ""},
        "town": {"town": ""},
    }
    written = {"flat": lpi.sao_text or str(lpi.sao), "name": lpi.pao_text, "number": str(lpi.pao), "street": lpi.street, "town": lpi.town}
    parts = [part for part, text in written.items() if text]

    def rendered(kept: Collection[str]) -> str:
        left_out = {name: value for part in parts if part not in kept for name, value in empty[part].items()}
        return lpi_line(replace(lpi, **left_out), "", organisation if "organisation" in kept else "")

    return [*parts, *(["organisation"] if organisation else [])], rendered


def confidence(gazetteer: Gazetteer, text: str, postcode: str, uprn: int) -> float:
    """How sure it is of a UPRN; 0 where that is not among the candidates."""
    return next((match.confidence for match in gazetteer.match(text, postcode, MOST).matches if match.uprn == uprn), 0.0)


def surer_without(gazetteer: Gazetteer, blpu: Blpu) -> list[tuple[str, float, float]]:
    """The parts without which the right premises is surer than with the whole address: with both probabilities."""
    parts, rendered = parts_of(blpu)
    whole = confidence(gazetteer, rendered(parts), blpu.postcode, blpu.uprn)
    without = {part: confidence(gazetteer, rendered([p for p in parts if p != part]), blpu.postcode, blpu.uprn) for part in parts}
    without["postcode"] = confidence(gazetteer, rendered(parts), "", blpu.uprn)
    return [(part, whole, less) for part, less in without.items() if less > whole]


def every_part_left_out(gazetteer: Gazetteer, seed: int) -> None:
    """Fails with the addresses of which one is surer without a part."""
    found, tried, until = {}, 0, time.monotonic() + SECONDS
    for row in random.Random(seed).sample(range(len(gazetteer)), len(gazetteer)):
        if tried >= LEAST_TRIED and time.monotonic() > until:
            break
        blpu = gazetteer.record(int(gazetteer.uprns[row]))
        if blpu is None or blpu.logical_status is LogicalStatus.HISTORICAL or not blpu.postcode:
            continue
        tried += 1
        if surer := surer_without(gazetteer, blpu):
            found[parts_of(blpu)[1](parts_of(blpu)[0])] = surer
    print(f"{tried} premises of {len(gazetteer)} matched with and without each part")
    assert not found, found


def test_no_true_part_lowers_the_confidence_in_a_premises_of_the_demo(gazetteer):
    every_part_left_out(gazetteer, seed=30)


@pytest.mark.bulk
def test_no_true_part_lowers_the_confidence_in_one_of_a_hundred_thousand_premises(hundred_thousand):
    every_part_left_out(hundred_thousand, seed=31)


def test_a_name_that_only_one_of_a_records_addresses_has_is_true_evidence(small_town):
    bare = small_town.match("Flat 3, 12 Quillfen Street", "E8 1AB").matches[0]
    named = small_town.match("Flat 3, Sir Barnabas Brightwater House, 12 Quillfen Street", "E8 1AB").matches[0]
    assert (bare.uprn, named.uprn) == (503, 503)
    assert named.confidence >= bare.confidence
    assert named.tokens.missing == ()


def test_a_named_and_numbered_building_is_found_by_its_number_and_postcode(small_town):
    found = small_town.match("14", "E8 1AB")
    assert found.matches[0].uprn == 510
    assert found.decision != "none"
    assert small_town.search("14, E8 1AB", 5)[0].uprn == 510
