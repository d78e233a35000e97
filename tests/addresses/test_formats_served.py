"""A release that is built from a file of either format answers searches, matches and OS Places' calls."""

import random

import pytest

from services.addresses.domain.addressbase.formats import write_core as writing_core
from services.addresses.domain.addressbase.formats.write_premium import full_supply
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.geography.crs import Crs
from services.addresses.domain.os_places.results import Address
from services.addresses.domain.synthetic.generate import generate
from services.addresses.gazetteer.builds.full import build
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from tests.addresses.address_files import held, written
from tests.addresses.test_formats_written import premium_file


@pytest.fixture(scope="module")
def made(few_sources) -> list[Blpu]:
    return list(generate(few_sources.sites(), 6, premises=4_000))


@pytest.fixture(scope="module", params=["core", "premium"])
def served(request, made, few_sources, tmp_path_factory):
    text = premium_file(full_supply(made)) if request.param == "premium" else written(map(writing_core.row, made))
    folder = tmp_path_factory.mktemp("release")
    build(folder, held(text, request.param).blpus(), few_sources)
    opened = Gazetteer.open(folder)
    yield opened
    opened.close()


def test_an_address_that_is_typed_as_it_is_held_is_found_and_matched(served, made):
    homes = [blpu for blpu in made if blpu.delivery_point]
    sample = random.Random(1).sample(homes, 150)
    found = [served.match(line(blpu)) for blpu in sample]
    first = sum(bool(each.matches) and each.matches[0].uprn == blpu.uprn for blpu, each in zip(sample, found, strict=True))
    assert first >= 0.97 * len(sample)
    searched = [served.search(line(blpu), 5) for blpu in sample]
    assert sum(blpu.uprn in [each.uprn for each in hits] for blpu, hits in zip(sample, searched, strict=True)) >= 0.97 * len(sample)


def test_os_places_gets_its_fields(served, made):
    for blpu in random.Random(2).sample([blpu for blpu in made if blpu.delivery_point], 50):
        record = served.record(blpu.uprn)
        royal_mail, council = Address(record).as_result(Crs.BNG)["DPA"], Address(record, record.lpis[0]).as_result(Crs.BNG)["LPI"]
        for name in ("UPRN", "UDPRN", "ADDRESS", "POST_TOWN", "POSTCODE", "CLASSIFICATION_CODE", "LOCAL_CUSTODIAN_CODE"):
            assert royal_mail[name]
        assert royal_mail["POSTCODE"] == blpu.postcode
        assert (council["USRN"], council["STREET_DESCRIPTION"]) == (str(blpu.lpis[0].usrn), blpu.lpis[0].street)


def test_flats_hang_on_their_shells(served, made):
    flat = next(blpu for blpu in made if blpu.parent_uprn)
    assert flat.uprn in served.children(flat.parent_uprn)
