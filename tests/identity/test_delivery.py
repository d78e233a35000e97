"""The queue of sign-in codes while notifications is down, slow or refuses, or identity crashes."""

from datetime import timedelta
from typing import Any

import pytest

from services.identity.service import build
from shared import clock
from shared.settings import Role
from tests.identity.citizen import Citizen, answer, request
from tests.support.security_events import recording

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def queued(identity) -> list[dict[str, Any]]:
    return list(await identity.service.store.collection("outgoing").find({}))


async def test_an_outage_of_notifications_delays_a_code_and_loses_nothing(identity, citizen, mailbox, eventually):
    await mailbox.stop()
    await citizen.browser.open("/authorize", **request())
    page = await citizen.browser.submit(email=citizen.address)
    assert "Check your email" in page.text  # the citizen's page still works

    async def failed_once() -> bool:
        return any(row["failures"] for row in await queued(identity))

    await eventually(failed_once)
    [row] = await queued(identity)
    assert citizen.address not in str(row)
    await mailbox.start()
    code = await mailbox.code_for(citizen.address)
    assert "code" in answer(await citizen.browser.submit(code=code))

    async def is_empty() -> bool:
        return await queued(identity) == []

    await eventually(is_empty)
    assert len(mailbox.calls) == 1


@pytest.mark.parametrize("answer_status", [400, 403, 429, 503])
async def test_refusals_that_may_pass_are_tried_again_and_final_ones_are_not(identity, citizen, mailbox, eventually, answer_status):
    mailbox.answer = answer_status
    await citizen.browser.open("/authorize", **request())
    await citizen.browser.submit(email=citizen.address)

    async def failed_once() -> bool:
        return any(row["failures"] for row in await queued(identity))

    async def is_empty() -> bool:
        return await queued(identity) == []

    await eventually(failed_once)
    mailbox.answer = 201
    await eventually(is_empty)
    assert len(mailbox.calls) == 1
    mailbox.answer, mailbox.error, mailbox.message = 400, "ValidationError", "email_address Not a valid email address"
    await citizen.browser.open("/authorize", **request())
    await citizen.browser.submit(email=citizen.address)
    await eventually(is_empty)
    assert len(mailbox.calls) == 1


async def test_a_code_claimed_by_a_process_that_died_is_sent_by_another_under_the_same_key(identity_settings, serve, mailbox, eventually):
    async with serve(build(identity_settings(role=Role.API))) as api:
        ada = Citizen(api.url, mailbox)
        await ada.browser.open("/authorize", **request())
        await ada.browser.submit(email=ada.address)
        [row] = await queued(api)
        claimed = await api.service.store.outgoing.claim("a-process-that-died", clock.now())
        assert claimed.id == row["_id"]
        assert await api.service.store.outgoing.claim(api.service.store.presence.name, clock.now()) is None
        async with serve(build(identity_settings(role=Role.WORKER))):
            await mailbox.code_for(ada.address)
        assert [key for key, _ in mailbox.calls] == [row["_id"]]


async def test_a_code_that_has_expired_is_not_sent(identity_settings, serve, mailbox, eventually):
    async with serve(build(identity_settings(role=Role.API))) as api:
        ada = Citizen(api.url, mailbox)
        await ada.browser.open("/authorize", **request())
        await ada.browser.submit(email=ada.address)
        with clock.at(clock.now() + timedelta(minutes=11)):
            async with serve(build(identity_settings(role=Role.WORKER))) as worker:

                async def is_empty() -> bool:
                    return await queued(worker) == []

                await eventually(is_empty)
    assert not mailbox.calls


async def test_a_refusal_that_an_operator_must_mend_is_loud_and_loses_nothing(identity, citizen, mailbox, eventually, caplog):
    assert (await identity.http.get("/ready")).json()["mail_refused"] is False
    for status, error, message in (
        (403, "AuthError", "Invalid token: service not found"),
        (400, "BadRequestError", "Missing personalisation: link"),
        (400, "ValidationError", "template_id is not a valid UUID"),
        (404, "NoResultFound", "No result found"),
    ):
        caplog.clear()
        mailbox.answer, mailbox.error, mailbox.message = status, error, message
        with recording() as found:
            await citizen.browser.open("/authorize", **request(prompt="login"))
            await citizen.browser.submit(email=citizen.address)

            async def is_refused() -> bool:
                answer = await identity.http.get("/ready")
                return answer.status_code == 200 and answer.json()["mail_refused"] is True

            await eventually(is_refused)
        assert found.counted["mail_refused", "configuration"] >= 1
        assert [record.levelname for record in caplog.records if "nobody can sign in" in record.getMessage()] == ["ERROR"]
        assert citizen.address not in caplog.text
        mailbox.answer = 201
        earlier = len(mailbox.sent)
        await eventually(lambda earlier=earlier: len(mailbox.sent) == earlier + 1)

        async def is_well() -> bool:
            return (await identity.http.get("/ready")).json()["mail_refused"] is False

        await eventually(is_well)


async def test_the_stored_reply_of_notifications_is_not_sealed_under_what_it_keeps(identity, citizen, mailbox):
    await citizen.asks_for_code(**request())
    [(key, body)] = mailbox.calls
    assert key not in str(body)
