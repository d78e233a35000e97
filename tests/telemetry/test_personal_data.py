"""No personal data of the citizen is in spans, metrics, log lines, Kafka records or outbox rows."""

import hashlib
import json

import pytest

from .conftest import CONTROL, DECOY, Travelled
from .journey import Citizen
from .person_search import Search

SERVICES = ("move_home", "identity", "addresses", "notifications", "data_sharing", "portal")
PHONES = ("phone",)


def known(citizen: Citizen) -> dict[str, str]:
    """The personal data that the platform received, by name."""
    return {
        "given name": citizen.given_name,
        "family name": citizen.family_name,
        "email": citizen.email,
        "name in the email": citizen.email.partition("@")[0],
        "phone": citizen.phone,
        "new postcode": citizen.new_postcode,
        "old postcode": citizen.old_postcode,
        "street": citizen.old_line,
    }


def test_nothing_about_the_citizen_is_told_to_anyone(travelled: Travelled) -> None:
    search = Search(known(travelled.citizen) | {"sign-in code": travelled.code}, phones=PHONES)
    assert search.in_texts(travelled.observed.texts) == []


def test_the_search_looks_at_every_service_in_every_place(travelled: Travelled) -> None:
    read = travelled.observed.places
    assert {f"{kind} of {service}" for service in SERVICES for kind in ("span", "resource", "metrics")} <= read
    assert {
        f"key on {topic}" for topic in ("move_home.moves", "data_sharing.shares", "notifications.notifications", "identity.accounts")
    } <= read
    assert {"value on move_home.moves", "header on data_sharing.shares", "outbox_sent of identity", "inbox of move_home"} <= read
    assert {"log of addresses", "screen"} <= read


def test_a_person_who_was_put_into_every_place_is_found_in_every_place(travelled: Travelled) -> None:
    found = [one.where for one in Search({"name": DECOY}).in_texts(travelled.observed.texts)]
    planted = [f"{kind} on {CONTROL}" for kind in ("header", "key", "value")] + [f"log of {CONTROL}", f"outbox of {CONTROL}"]
    assert sorted(found) == sorted([*planted, *[f"span of {CONTROL}"] * 4])


def test_the_search_knows_the_citizen_by_what_was_really_sent(travelled: Travelled) -> None:
    search = Search(known(travelled.citizen), phones=PHONES)
    found = {message["channel"]: search.in_text(json.dumps(message)) for message in travelled.messages if travelled.move in message["body"]}
    assert found["email"] >= {"given name", "family name", "email"}
    assert found["sms"] >= {"phone"}


@pytest.mark.parametrize(
    ("what", "written"),
    [
        ("given name", "Zdenička"),
        ("given name", "ZDENIČKA"),
        ("given name", "Zdenicka"),
        ("given name", "Zdenic\u030cka"),
        ("given name", "Zdeni%C4%8Dka"),
        ("given name", '{"name": "Zdeni\\u010dka"}'),
        ("given name", "Zdeni&#269;ka"),
        ("family name", "quillfeather-o’mara"),
        ("family name", "Quillfeather%2DO%E2%80%99Mara"),
        ("family name", "QuillfeatherO'Mara"),
        ("email", "zdenicka.quillfeather+moving@mail-wobblethorpe.example.com"),
        ("email", "Zdenicka.Quillfeather%2BMoving%40Mail-Wobblethorpe.Example.com"),
        ("email", "WmRlbmlja2EuUXVpbGxmZWF0aGVyK01vdmluZ0BNYWlsLVdvYmJsZXRob3JwZS5FeGFtcGxlLmNvbQ=="),
        ("email", "bWFpbHRvOlpkZW5pY2thLlF1aWxsZmVhdGhlcitNb3ZpbmdATWFpbC1Xb2JibGV0aG9ycGUuRXhhbXBsZS5jb20="),
        ("phone", "07700 900 861"),
        ("phone", "07700900861"),
        ("phone", "+447700900861"),
        ("phone", "+44 7700 900861"),
        ("phone", "0044 (0)7700-900-861".replace("(0)", "")),
        ("phone", "%2B447700900861"),
        ("new postcode", "EC2A 2AW"),
        ("new postcode", "ec2a2aw"),
        ("new postcode", "EC2A%202AW"),
        ("new postcode", "EC2A+2AW"),
        ("new postcode", "GET /postcodes/EC2A2AW?q=1"),
        ("old postcode", "wc1x-0an"),
        ("street", "FLAT 9, 77 WOBBLETHORPE CRESCENT, LONDON"),
    ],
)
def test_the_search_finds_what_is_written_in_another_way(what: str, written: str) -> None:
    search = Search(known(Citizen()), phones=PHONES)
    assert what in search.in_text(f'2026-11-25 {{"a": "1", "text": "x={written}; y"}}')


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_the_search_finds_a_number_that_was_only_hashed(name: str) -> None:
    digest = hashlib.new(name, b"+447700900861").hexdigest()
    assert Search(known(Citizen()), phones=PHONES).in_text(f"key={digest}") == {"phone"}


def test_the_search_finds_nobody_in_what_tells_of_nobody() -> None:
    line = "move_home 01a2125e-181d-718e-a305-a8291a055ec0 process move_home.moves london.blocks.move_home.move.submitted.v1 E09000012 200"
    assert Search(known(Citizen()), phones=PHONES).in_text(line) == set()
