"""Security events: each is counted, and the number of log lines is bounded."""

import asyncio
import json
import logging
import sys

import pytest

from shared import security
from shared.security import Event, Lines, record
from shared.settings import ServiceSettings
from shared.telemetry import setup_logging
from tests.shared.thing import Settings, build, environment
from tests.support.security_events import recording


async def test_three_hundred_refused_tokens_are_counted_and_take_two_lines(settings, serve, tokens):
    async with serve(build(settings(Settings))) as thing:
        forged = tokens.token("thing:thing:make")[:-6] + "AAAAAA"
        expired = tokens.token("thing:thing:make", life=-60)
        with recording() as found:
            for _ in range(300):
                assert (await thing.http.get("/v1/things", headers={"Authorization": f"Bearer {forged}"})).status_code == 401
            assert (await thing.http.get("/v1/things", headers={"Authorization": f"Bearer {expired}"})).status_code == 401
            assert (await thing.http.get("/v1/things")).status_code == 401
        expected = {("token_refused", "forged"): 300, ("token_refused", "expired"): 1, ("token_refused", "missing"): 1}
        assert found.counted == found.logged == expected
        assert len(found.lines) <= 8


async def test_three_hundred_callers_without_the_scope_are_counted_with_their_client_and_borough(settings, serve, tokens):
    async with serve(build(settings(Settings))) as thing:
        headers = tokens.bearer("other:thing:read", audience="urn:london-blocks:thing", client_id="nosy", borough="E09000007")
        with recording() as found:
            for _ in range(300):
                assert (await thing.http.get("/v1/things", headers=headers)).status_code == 403
        assert found.counted == found.logged == {("access_refused", "scope"): 300}
        assert {(line["client"], line["borough"]) for line in found.lines} == {("nosy", "E09000007")}
        assert len(found.lines) <= 4


def test_a_flood_of_kinds_has_a_bounded_number_of_lines():
    with recording() as found:
        for number in range(1000):
            for _ in range(3):
                record(Event.ACCESS_REFUSED, "scope", client=f"client-{number}")
    assert sum(found.counted.values()) == sum(found.logged.values()) == 3000
    assert len(found.lines) <= 2 * (security.MOST_KINDS + 1)


async def test_what_followed_is_written_when_the_flood_has_ended(monkeypatch, eventually):
    monkeypatch.setattr(security, "INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr(security, "_lines", Lines())
    with recording() as found:
        for _ in range(5):
            record(Event.RATE_LIMITED, "request")
        await eventually(lambda: [line["count"] for line in found.lines] == [1, 4])


def test_a_line_is_json_with_fields_of_its_own(capsys):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        setup_logging(ServiceSettings(name="thing"))
        security.flush()
        record(Event.CLIENT_REFUSED, "wrong_secret", client="move-home", borough="E09000012")
        line = json.loads(capsys.readouterr().out.splitlines()[-1])
    finally:
        root.handlers[:], root.level = before[0], before[1]
        security.flush()
    fields = {"security_event": "client_refused", "reason": "wrong_secret", "client": "move-home", "borough": "E09000012", "count": 1}
    assert line.items() >= fields.items()
    assert (line["level"], line["service"]) == ("WARNING", "thing")


@pytest.mark.parametrize("proxies", ["0.0.0.0/0", "::/0", "*", "gateway"])
async def test_a_proxy_that_is_everybody_or_nobody_stops_the_start(settings, proxies):
    env = {**environment(settings(Settings)), "THING_TRUSTED_PROXIES": proxies}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shared.thing", env=env, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode
    assert errors.decode().startswith("Setting THING_TRUSTED_PROXIES: ")
    assert len(errors.decode().strip().splitlines()) == 1
