"""Clients authenticate and check the broker's certificate as the settings say, on Apache Kafka with TLS and SCRAM."""

import asyncio

import pytest
from pydantic import SecretStr

from deploy.embedded.engines.kafka_protocol import broker_answers
from shared.settings import SettingsError
from tests.conftest import BROKER
from tests.shared.thing import Settings, ThingMade, build, recording
from tests.support.secured_kafka import PASSWORD, SecuredKafka

ON_APACHE = pytest.mark.skipif(BROKER != "apache", reason="starts an Apache Kafka: run by `make test-kafka`")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    broker = SecuredKafka(tmp_path_factory.mktemp("secured") / "kafka")
    asyncio.run(broker.start())
    yield broker
    asyncio.run(broker.stop())


@ON_APACHE
class TestOnSecuredKafka:
    async def test_an_event_travels_through_a_broker_with_tls_and_a_password(self, kafka, settings, serve, eventually):
        config = settings(Settings, kafka=kafka.address, broker_durable=True, **kafka.access.as_settings())
        service = build(config, recording())
        async with serve(service) as running:
            async with service.store.transaction() as tx:
                await tx.publish(ThingMade(thing="chair", number=1))
            await eventually(lambda: service.store.effects.of("chair"), seconds=30)
            assert (await running.http.get("/ready")).json()["broker"] is True

    async def test_a_wrong_password_an_unknown_authority_and_no_tls_are_refused(self, kafka):
        good = kafka.access
        assert await broker_answers(kafka.port, good)
        for change in (
            {"password": SecretStr(f"{PASSWORD}!")},
            {"ca_file": ""},
            {"security_protocol": "SASL_PLAINTEXT"},
            {"security_protocol": "PLAINTEXT"},
        ):
            assert not await broker_answers(kafka.port, good.model_copy(update=change)), change

    async def test_a_service_with_a_wrong_password_serves_on_and_says_that_it_has_no_broker(
        self, kafka, settings, serve, eventually, caplog
    ):
        wrong = kafka.access.model_copy(update={"password": SecretStr("guessed")})
        config = settings(Settings, kafka=kafka.address, broker_durable=True, **wrong.as_settings())
        service = build(config, recording())
        async with serve(service) as running:
            async with service.store.transaction() as tx:
                await tx.publish(ThingMade(thing="waits", number=1))
            await eventually(lambda: "refuses" in caplog.text, seconds=20)
            ready = await running.http.get("/ready")
            assert (ready.status_code, ready.json()["broker"]) == (200, False)
            assert await service.store.collection("outbox").count({}) == 1
            assert "guessed" not in caplog.text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "THING_KAFKA_.*: SASL_SSL needs a username and a password"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "THING_KAFKA_SECURITY_PROTOCOL: Input should be"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": "nowhere.pem"}, "THING_KAFKA_.*: there is no file nowhere.pem"),
        ({"KAFKA_CERTIFICATE_FILE": "client.pem"}, "THING_KAFKA_.*: a client certificate needs"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, "THING_KAFKA_SASL_MECHANISM: Input should be"),
    ],
)
def test_settings_that_contradict_each_other_stop_the_start_with_one_line(given, message, monkeypatch):
    for name, value in given.items():
        monkeypatch.setenv(f"THING_{name}", value)
    with pytest.raises(SettingsError, match=message) as refused:
        Settings.load()
    assert "\n" not in str(refused.value)
