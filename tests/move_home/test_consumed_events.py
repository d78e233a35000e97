"""The typed subscribers of the journey, with FastStream's test broker and no Kafka or database."""

import pytest
from faststream.exceptions import SubscriberNotFound
from faststream.kafka import TestKafkaBroker
from pydantic import ValidationError

from contracts.events.data_sharing import ShareDelivered, ShareRead
from contracts.events.notifications import Channel, NotificationDelivered
from examples.move_home.domain.move import new_reference
from examples.move_home.journey import AppIdentity, journey_of
from shared import clock
from shared.bus.router import event_broker
from shared.events import Envelope, new_id

APP = AppIdentity(borough="E09000012", client="our client", service="our service")


class Processes:
    """A transaction without processes; it records which ones are looked up."""

    def __init__(self) -> None:
        self.looked_for: list[str] = []

    def collection(self, name):
        assert name == "processes"
        return self

    async def find_one(self, where):
        self.looked_for.append(where["_id"])


@pytest.fixture
def processes():
    return Processes()


@pytest.fixture
async def broker(processes):
    async with TestKafkaBroker(event_broker(journey_of(APP).router, transaction=processes), connect_only=False) as broker:
        yield broker


async def publish(broker, event, value=None):
    envelope = Envelope(id=new_id(), type=event.event_type, source="urn:test", time=clock.now())
    headers = {name: content.decode() for name, content in envelope.headers()}
    await broker.publish(value or event, topic=event.topic, key=event.key.encode(), headers=headers)


def share(**over):
    given = {"sender": APP.borough, "client": APP.client, "reference": new_reference("a move")} | over
    return ShareDelivered(share=new_id(), agreement="a", purpose="council-tax", recipient="E09000007", delivered_at=clock.now(), **given)


async def test_a_share_that_we_made_moves_its_journey(broker, processes):
    await publish(broker, share())
    assert processes.looked_for == ["move_home:a move"]


async def test_a_share_of_another_client_moves_no_journey(broker, processes):
    await publish(broker, share(client="another client"))
    assert processes.looked_for == []


async def test_events_of_one_topic_go_to_the_subscriber_of_their_type(broker, processes):
    event = NotificationDelivered(
        notification=new_id(),
        service=APP.service,
        channel=Channel.EMAIL,
        reference=new_reference("another move"),
        delivered_at=clock.now(),
    )
    await publish(broker, event)
    assert processes.looked_for == ["move_home:another move"]


async def test_an_event_without_a_subscriber_reaches_none(broker, processes):
    with pytest.raises(SubscriberNotFound):
        await publish(broker, ShareRead(share=new_id(), agreement="a", purpose="council-tax", recipient="E09000007", read_at=clock.now()))
    assert processes.looked_for == []


async def test_a_payload_that_does_not_fit_its_event_reaches_no_subscriber(broker, processes):
    with pytest.raises(ValidationError):
        await publish(broker, share(), {"share": "without the other fields"})
    assert processes.looked_for == []
