"""The result of a sign-in: one account, one session, events without personal data."""

import asyncio
from typing import Any

import pytest

from contracts.events.identity import ACCOUNTS
from services.identity.domain.accounts import Account, Sealed
from shared.mongo import Conflict
from tests.identity.citizen import Browser, Citizen, answer, request
from tests.support.published_events import published

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def events(identity) -> list[tuple[str, dict[str, Any]]]:
    """Return identity's events, published or not, oldest first: type and payload."""
    return [(event.about.type, event.payload) for event in await published(identity.service)]


async def test_the_first_sign_in_makes_the_account_and_the_next_one_finds_it(identity, citizen):
    await citizen.signs_in(**request())
    await citizen.signs_in(**request(prompt="login"))
    accounts = await identity.service.store.collection("accounts").find({"created_at": {"$ne": None}})
    assert len(accounts) == 1
    assert citizen.address not in str(accounts)  # neither in clear nor in a searchable form


async def test_an_expected_person_keeps_the_account_that_waits_for_them_however_they_write_the_address(identity, mailbox):
    for address in ("grace@example.com", " GRACE@example.COM "):
        grace = Citizen(identity.url, mailbox, address)
        await grace.browser.open("/authorize", **request())
        earlier = len(mailbox.sent)
        await grace.browser.submit(email=address)
        code = await mailbox.code_for("grace@example.com", earlier=earlier)
        assert "code" in answer(await grace.browser.submit(code=code))
    rows = await identity.service.store.collection("accounts").find({})
    assert len(rows) == 2  # the two of the seed, no third


async def test_the_right_code_sent_twice_at_once_starts_one_session(identity, citizen):
    code = await citizen.asks_for_code(**request())
    replies = await asyncio.gather(citizen.browser.submit(code=code), citizen.browser.submit(code=code))
    assert sorted(reply.is_redirect for reply in replies) == [False, True]
    assert await identity.service.store.collection("sessions").count({}) == 1


async def test_forms_of_other_sites_are_refused(identity, citizen):
    await citizen.browser.open("/authorize", **request())
    url = str(citizen.browser.page.url)
    forged = await citizen.browser.http.post(url, data={"email": "evil@example.com"})
    assert forged.status_code == 403
    another = Browser(identity.url)
    await another.open("/authorize", **request())
    forged = await citizen.browser.http.post(url, data={"email": "evil@example.com", "csrf_token": another.form_token})
    assert forged.status_code == 403
    fields = {"email": "evil@example.com", "csrf_token": citizen.browser.form_token}
    forged = await citizen.browser.http.post(url, data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert forged.status_code == 403
    assert not await identity.service.store.collection("attempts").find({})


async def test_events_tell_of_account_and_session_and_nothing_personal(identity, citizen, eventually):
    await citizen.signs_in(**request())
    await citizen.signs_in(**request(prompt="login"))

    async def three_events() -> list[tuple[str, dict[str, Any]]]:
        found = await events(identity)
        assert len(found) == 3
        return found

    found = await eventually(three_events)
    assert [kind for kind, _ in found] == [
        "london.blocks.identity.account.created.v1",
        "london.blocks.identity.session.started.v1",
        "london.blocks.identity.session.started.v1",
    ]
    assert len({payload["account"] for _, payload in found}) == 1
    assert found[1][1]["methods"] == ["otp"]
    assert citizen.address not in str(found)
    assert ACCOUNTS == "identity.accounts"


async def test_one_account_comes_of_two_first_sign_ins_at_once(identity, mailbox):
    people = [Citizen(identity.url, mailbox) for _ in range(4)]
    codes = [await person.asks_for_code(**request()) for person in people]
    backs = await asyncio.gather(*[person.browser.submit(code=code) for person, code in zip(people, codes, strict=True)])
    assert all("code" in answer(back) for back in backs)
    assert await identity.service.store.collection("accounts").count({"created_at": {"$ne": None}}) == 1
    created = [kind for kind, _ in await events(identity) if "account.created" in kind]
    assert len(created) == 1


async def test_a_second_account_of_one_address_is_a_conflict_so_that_the_request_runs_again_and_finds_the_first(identity):
    first = Account(id="1", email_key="key", email=Sealed("sealed"))
    await identity.service.store.accounts.insert(first)
    with pytest.raises(Conflict):
        await identity.service.store.accounts.insert(first.model_copy(update={"id": "2"}))
