"""Attacks on identity leave log lines and counts, without personal data."""

import time

import pytest

from tests.identity.citizen import Browser, Citizen, request
from tests.identity.conftest import MACHINE_SECRET
from tests.identity.test_sign_in import wrong
from tests.support.security_events import recording
from tests.support.service_runner import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")
MACHINE = {"grant_type": "client_credentials", "scope": "addresses:address:read"}


@pytest.fixture
def identity(shared_identity: RunningService) -> RunningService:
    return shared_identity


async def test_three_hundred_wrong_secrets_are_counted_on_few_lines(identity):
    began = time.monotonic()
    with recording() as found:
        for _ in range(300):
            assert (await identity.http.post("/token", data=MACHINE, auth=("machine", "wrong-secret-of-a-guesser"))).status_code == 401
        assert (await identity.http.post("/token", data=MACHINE, auth=("nobody@example.com", "x"))).status_code == 401
    assert found.counted == found.logged == {("client_refused", "wrong_secret"): 300, ("client_refused", "unknown_client"): 1}
    seconds = time.monotonic() - began
    assert len(found.lines) <= 4 + 2 * seconds, "a line for each kind at once, and at most one a second after it"
    assert {line.get("client") for line in found.lines} == {"machine", None}, "a client that nobody registered is not named"
    for secret in ("wrong-secret", "nobody", MACHINE_SECRET):
        assert secret not in str(found.text)


async def test_three_hundred_wrong_codes_are_counted_on_few_lines(identity, shared_mailbox):
    with recording() as found:
        for number in range(60):
            guesser = Citizen(identity.url, shared_mailbox, f"victim{number}@example.com")
            code = await guesser.asks_for_code(**request())
            for _ in range(5):
                await guesser.browser.submit(code=wrong(code))
        await guesser.browser.submit(code=code)
    assert found.counted == found.logged == {("sign_in_code_refused", "wrong"): 300, ("sign_in_code_refused", "dead"): 1}
    assert len(found.lines) <= 20
    assert "victim" not in str(found.text)


async def test_forged_forms_seals_tokens_and_codes(identity, shared_mailbox):
    ada = Citizen(identity.url, shared_mailbox, "ada.lovelace@example.com")
    back = await ada.signs_in(**request())
    await ada.browser.open("/authorize", **request(prompt="login"))
    url = str(ada.browser.page.url)
    with recording() as found:
        await Browser(identity.url).http.post(url, data={"email": "evil@example.com"})
        await ada.browser.http.post(url, data={"csrf_token": ada.browser.form_token}, headers={"Sec-Fetch-Site": "cross-site"})
        await identity.http.get(url.partition("request=")[0] + "request=" + "A" * 100)
        await identity.http.get("/userinfo", headers={"Authorization": "Bearer a.b.c"})
        await ada.exchange("no-such-code", None)
        await ada.exchange(back["code"], None, redirect_uri="https://evil.test/")
    assert (
        found.counted
        == found.logged
        == {
            ("form_forged", "token"): 1,
            ("form_forged", "other_site"): 1,
            ("seal_refused", "forged"): 1,
            ("token_refused", "forged"): 1,
            ("grant_refused", "code"): 2,
        }
    )
    assert "ada." not in str(found.text)
    assert "evil" not in str(found.text)
