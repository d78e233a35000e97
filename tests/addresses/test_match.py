"""A match finds the right record of a written address, with a calibrated confidence and its evidence."""

import random

import pytest

from benchmarks.addresses.noise import by_habit, written
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.search import match_model as matching_numbers
from services.addresses.domain.search.matching import FEATURES, Decision, calibrate, decide, probability
from services.addresses.gazetteer.search.gazetteer import Gazetteer

from .test_search import NASTY

MATCH = "/v1/addresses/match"


@pytest.fixture(scope="module")
def homes(gazetteer) -> list[Blpu]:
    """All premises with a delivery point."""
    return [blpu for blpu in gazetteer.all_records() if blpu.delivery_point]


def right(gazetteer: Gazetteer, text: str, postcode: str, uprn: int) -> bool:
    matches = gazetteer.match(text, postcode).matches
    return bool(matches) and matches[0].uprn == uprn


def test_an_address_as_it_is_held_is_a_sure_match(gazetteer, homes):
    sample = random.Random(1).sample(homes, 200)
    sure = 0
    for blpu in sample:
        found = gazetteer.match(line(blpu))
        assert found.matches[0].uprn == blpu.uprn, line(blpu)
        assert found.matches[0].confidence > 0.8
        assert not found.matches[0].tokens.corrected
        assert not found.matches[0].tokens.missing
        sure += found.decision is Decision.MATCH
    assert sure >= 0.95 * len(sample)


def test_noisy_addresses_are_matched_and_what_is_taken_is_right(gazetteer, homes):
    sample = written(random.Random(2).sample(homes, 800), homes, 5)
    found = [(gazetteer.match(each.text, each.postcode), each) for each in sample]
    first = sum(bool(matching.matches) and matching.matches[0].uprn == each.uprn for matching, each in found)
    taken = [(matching.matches[0].uprn, each.uprn) for matching, each in found if matching.decision is Decision.MATCH]
    assert first >= 0.96 * len(sample)
    assert len(taken) >= 0.85 * len(sample)
    assert sum(uprn == true for uprn, true in taken) >= 0.98 * len(taken)


def test_noisy_addresses_are_matched_without_their_postcode(gazetteer, homes):
    sample = written(random.Random(3).sample(homes, 800), homes, 6)
    assert sum(right(gazetteer, each.text, "", each.uprn) for each in sample) >= 0.92 * len(sample)


def test_an_address_that_is_not_held_is_no_sure_match(gazetteer, homes):
    dice = random.Random(4)
    sure = [
        gazetteer.match(by_habit(blpu, dice).text.replace("1", "7654321"), "E1 6AN").decision is Decision.MATCH
        for blpu in dice.sample(homes, 200)
        if "1" in line(blpu).split(",")[0]
    ]
    assert len(sure) > 40
    assert sum(sure) <= 0.02 * len(sure)
    assert gazetteer.match("10 Downing Street", "SW1A 2AA").decision is not Decision.MATCH


def test_tokens_say_what_matched_what_was_corrected_and_what_is_missing(gazetteer, homes):
    blpu = next(blpu for blpu in homes if len(blpu.lpis) == 1 and line(blpu).split()[0].isdigit() and " ROAD," in line(blpu))
    number, name, *_ = line(blpu).split()
    typed = f"{number} {name[:3]}{name[4:]} rd zzyzx"
    (best, *_) = gazetteer.match(typed, blpu.postcode).matches
    assert best.uprn == blpu.uprn
    assert best.tokens.matched == (number, "rd")
    assert best.tokens.corrected == {(name[:3] + name[4:]).lower(): name.lower()}
    assert best.tokens.missing == ("zzyzx",)


def test_flats_are_found_as_people_write_them(gazetteer, homes):
    lettered = [blpu for blpu in homes if blpu.lpis[0].sao_text in ("FLAT A", "FLAT B")][:100]
    basements = [blpu for blpu in homes if blpu.lpis[0].sao_text in ("BASEMENT FLAT", "GARDEN FLAT")][:100]
    numbered = [blpu for blpu in homes if blpu.lpis[0].sao_text.startswith("FLAT 1") and "ESTATE" in blpu.lpis[0].pao_text][:100]
    for flats, put in (
        (lettered, lambda lpi: f"{lpi.pao}{lpi.sao_text[-1].lower()} {lpi.street}"),
        (basements, lambda lpi: f"{lpi.pao} {lpi.street} ({lpi.sao_text.replace('BASEMENT', 'bsmt').lower()})"),
        (numbered, lambda lpi: f"{lpi.pao_text.rsplit(' ', 2)[0]}, apt {lpi.sao_text[5:]}"),
    ):
        assert len(flats) > 20
        assert sum(right(gazetteer, put(blpu.lpis[0]), blpu.postcode, blpu.uprn) for blpu in flats) >= 0.97 * len(flats)


@pytest.mark.parametrize("text", NASTY)
def test_any_text_may_be_matched(gazetteer, text):
    for postcode in (None, text, "E8 1AB"):
        found = gazetteer.match(text, postcode, limit=3)
        assert len(found.matches) <= 3
        assert all(0 <= match.confidence <= 1 for match in found.matches)


def test_random_text_is_no_sure_match(gazetteer):
    dice = random.Random(12)
    pieces = ["E8", "NW1", "12A", "flat", "road", "st", "é", "😀", '"', "*", "(", ":", "\x00", "OR", " ", ",", "6-20", "house", "\u202e"]
    for _ in range(300):
        assert gazetteer.match(" ".join(dice.choices(pieces, k=dice.randint(0, 12)))).decision is not Decision.MATCH


def test_confidence_rises_with_what_the_model_says_and_the_decision_with_confidence():
    curve = [calibrate(at / 1000) for at in range(1001)]
    assert curve == sorted(curve)
    assert 0 < curve[0] < curve[-1] < 1
    assert len(matching_numbers.WEIGHTS) == len(FEATURES)
    assert probability([0.0] * len(FEATURES)) == calibrate(0.5)
    assert [decide(confidence) for confidence in (0.0, matching_numbers.POSSIBLE_FROM, 1.0)] == [
        Decision.NONE,
        Decision.POSSIBLE,
        Decision.MATCH,
    ]


async def test_matching_over_http_has_its_shape(running, reader):
    params = {"address": "flat 1 brookstone aprtments broadknoll place", "postcode": "e81ab", "limit": 2}
    asked = await running.http.get(MATCH, params=params, headers=reader)
    posted = await running.http.post(MATCH, json=params, headers=reader)
    assert (asked.status_code, posted.status_code) == (200, 200)
    assert asked.json() == posted.json()
    body = asked.json()
    assert set(body) == {"decision", "matches"}
    assert body["decision"] == "match"
    assert len(body["matches"]) == 2
    assert set(body["matches"][0]) == {"uprn", "address", "confidence", "tokens"}
    assert body["matches"][0]["tokens"] == {
        "matched": ["flat", "1", "brookstone", "broadknoll", "place"],
        "corrected": {"aprtments": "apartments"},
        "missing": [],
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.address"),
        ({"address": "x" * 1_001}, "body.address"),
        ({"address": "x", "limit": 0}, "body.limit"),
        ({"address": "x", "limit": 21}, "body.limit"),
        ({"address": "x", "other": 1}, "body.other"),
    ],
)
async def test_bad_input_to_match_names_the_field(running, reader, body, field):
    reply = await running.http.post(MATCH, json=body, headers=reader)
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["field"] == field
    assert (await running.http.get(MATCH, params={k: str(v) for k, v in body.items()}, headers=reader)).status_code == 400


async def test_matching_needs_the_scope(running, tokens):
    assert (await running.http.post(MATCH, json={"address": "x"})).status_code == 401
    other = tokens.token(scope="addresses:other:read", audience="urn:london-blocks:addresses")
    assert (await running.http.get(MATCH, params={"address": "x"}, headers={"Authorization": f"Bearer {other}"})).status_code == 403
