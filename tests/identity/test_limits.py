"""Limits on codes: others' requests lock nobody out, and no answer reveals which addresses are known."""

import re
from datetime import timedelta

import pytest

from services.identity.domain.sign_in import network_of, wide_network_of
from services.identity.service import build
from shared import clock
from tests.identity.citizen import Citizen, answer, request
from tests.identity.test_sign_in import wrong

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOME, CAFE = "198.51.100.7", "203.0.113.9"


def at(network: str, person: Citizen) -> Citizen:
    """Return the person with requests from that network through a proxy."""
    person.browser.http.headers["X-Forwarded-For"] = network
    return person


async def asks(person: Citizen) -> int:
    """Ask for a code and return the status."""
    await person.browser.open("/authorize", **request(prompt="login"))
    return (await person.browser.submit(email=person.address)).status_code


@pytest.fixture
def behind_a_proxy(identity_settings, serve):
    def start(**over):
        return serve(build(identity_settings(trusted_proxies="127.0.0.1", **over)))

    return start


async def test_requests_from_elsewhere_do_not_lock_the_owner_out(behind_a_proxy, mailbox):
    async with behind_a_proxy() as identity:
        with clock.at(clock.now()):
            attacker = at(CAFE, Citizen(identity.url, mailbox, "ada@example.com"))
            assert [await asks(attacker) for _ in range(7)] == [200] * 5 + [429] * 2
            owner = at(HOME, Citizen(identity.url, mailbox, "ada@example.com"))
            assert "code" in await owner.signs_in(**request())


async def test_a_browser_that_signed_in_before_has_room_whatever_others_ask_for(behind_a_proxy, mailbox):
    async with behind_a_proxy(codes_per_address_in_all=10) as identity:
        owner = at(HOME, Citizen(identity.url, mailbox, "ada@example.com"))
        await owner.signs_in(**request())
        with clock.at(clock.now() + timedelta(days=100)):
            for number in range(4):  # many networks, the owner's own among them
                stranger = at(HOME if number == 3 else f"203.0.113.{number}", Citizen(identity.url, mailbox, "ada@example.com"))
                statuses = [await asks(stranger) for _ in range(5)]
            assert statuses == [429] * 5
            assert "code" in await owner.signs_in(**request(prompt="login"))
            assert [await asks(owner) for _ in range(5)] == [200] * 4 + [429], "its room has an end too"
            other = at(HOME, Citizen(identity.url, mailbox, "bob@example.com"))
            other.browser = owner.browser
            assert await asks(other) == 200, "for another address it is any browser of that network"
        with clock.at(clock.now() + timedelta(days=281)):
            for number in range(2):
                stranger = at(f"203.0.113.{number}", Citizen(identity.url, mailbox, "ada@example.com"))
                assert [await asks(stranger) for _ in range(5)] == [200] * 5
            assert await asks(owner) == 429, "after half a year without a sign-in it is a browser as any other"


async def test_wrong_codes_from_ones_network_do_not_lock_out_a_browser_that_signed_in_before(behind_a_proxy, mailbox):
    async with behind_a_proxy(wrong_codes_per_network=3) as identity:
        owner = at(HOME, Citizen(identity.url, mailbox, "ada@example.com"))
        await owner.signs_in(**request())
        with clock.at(clock.now() + timedelta(hours=1)):
            guesser = at(HOME, Citizen(identity.url, mailbox, "bob@example.com"))
            code = await guesser.asks_for_code(**request())
            statuses = [(await guesser.browser.submit(code=wrong(code))).status_code for _ in range(4)]
            assert statuses == [400, 400, 400, 429]
            neighbour = at(HOME, Citizen(identity.url, mailbox, "eve@example.com"))
            code = await neighbour.asks_for_code(**request())
            assert (await neighbour.browser.submit(code=code)).status_code == 429
            assert "code" in await owner.signs_in(**request(prompt="login"))


async def test_a_limit_answers_the_same_for_known_and_unknown_addresses(behind_a_proxy, mailbox):
    async with behind_a_proxy() as identity:
        pages = []
        for address in ("grace@example.com", "nobody@example.com"):
            person = at(CAFE, Citizen(identity.url, mailbox, address))
            with clock.at(clock.now()):
                for _ in range(5):
                    await asks(person)
                await person.browser.open("/authorize", **request())
                page = await person.browser.submit(email=address)
            text = re.sub(r'(request=|value=")[^"&]+', "", page.text.replace(address, "ADDRESS"))
            pages.append((page.status_code, {name for name in page.headers if name != "retry-after"}, text))
        assert pages[0] == pages[1]
        assert pages[0][0] == 429


async def test_the_note_of_an_earlier_sign_in_says_nothing_to_who_reads_it_and_signs_nobody_in(behind_a_proxy, mailbox):
    async with behind_a_proxy() as identity:
        owner = at(HOME, Citizen(identity.url, mailbox, "ada@example.com"))
        await owner.signs_in(**request())
        note = owner.browser.http.cookies["identity_device"]
        thief = at(CAFE, Citizen(identity.url, mailbox, "ada@example.com"))
        thief.browser.http.cookies.set("identity_device", note, domain="127.0.0.1")
        assert answer(await thief.browser.open("/authorize", **request(prompt="none")))["error"] == "login_required"
        thief.browser.http.cookies.set("identity_device", note[:-8] + "AAAAAAAA", domain="127.0.0.1")
        assert await asks(thief) == 200


async def test_a_forwarded_address_is_believed_from_the_named_proxies_only(identity_settings, serve, mailbox):
    for proxies, last in (("", 429), ("192.0.2.0/24", 429), ("192.0.2.1, 127.0.0.0/8", 200)):
        async with serve(build(identity_settings(trusted_proxies=proxies, codes_per_network=1))) as identity:
            with clock.at(clock.now()):
                first = at(HOME, Citizen(identity.url, mailbox, f"a{len(proxies)}@example.com"))
                second = at(CAFE, Citizen(identity.url, mailbox, f"b{len(proxies)}@example.com"))
                assert await asks(first) == 200
                assert await asks(second) == last
            await identity.service.store.drop()


async def test_the_networks_that_count_together():
    assert network_of("2001:db8:1:2::3") == "2001:db8:1:2::/64"
    assert wide_network_of("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert wide_network_of("::ffff:198.51.100.7") == wide_network_of("198.51.100.7") == "198.51.100.7"
