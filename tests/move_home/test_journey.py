"""The table of steps as pure rules: the result of each fact, in any order and with repeats."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from contracts.events.base import Event
from contracts.events.data_sharing import ShareDelivered
from contracts.events.notifications import Channel, NotificationDelivered, NotificationFailed
from examples.move_home.domain.answers import Details
from examples.move_home.domain.move import Move, Progress, Reason
from examples.move_home.domain.purposes import Recipient
from examples.move_home.domain.words import HEADINGS, Outcome, next_steps, outcome_of, outcomes, steps
from examples.move_home.events import CouncilNotTold, CouncilTold, MessageFound, MoveCompleted, MoveDelayed, MoveSubmitted
from examples.move_home.journey import (
    AppIdentity,
    AskAfterMessage,
    AskAfterShare,
    Send,
    Share,
    begin,
    chase,
    record_delivery,
    record_failure,
    record_message,
    record_polled_share,
    record_refusal,
    record_share,
)
from examples.move_home.messages import personalisation

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAMDEN = Recipient(borough="E09000007", purpose="council-tax")
HACKNEY = Recipient(borough="E09000012", purpose="council-tax")
REGISTER = Recipient(borough="E09000012", purpose="electoral-register")
DETAILS = Details.model_validate(
    {
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": "ada@example.org",
        "old_address": {"text": "1 Old Road", "postcode": "NW1 8AB", "borough": "E09000007"},
        "new_address": {"text": "2 New Road", "postcode": "N16 5TT", "borough": "E09000012"},
        "moved_on": "2026-03-01",
        "tell": [CAMDEN, HACKNEY],
    }
)
APP = AppIdentity(borough="E09000012", client="shares", service="our-service")


def submitted(*recipients: Recipient, text: bool = True) -> Move:
    return begin(MoveSubmitted(move="m", recipients=recipients, text_wanted=text, submitted_at=AT)).state


def reference(move: Move, recipient: Recipient) -> str | None:
    """Return the move's reference for this recipient."""
    return next((telling.reference for telling in move.tellings if telling.recipient == recipient), "m:none")


def share_delivered(move: Move, recipient: Recipient, **over: Any) -> ShareDelivered:
    facts = {
        "share": "s",
        "agreement": "a",
        "purpose": recipient.purpose,
        "recipient": recipient.borough,
        "reference": reference(move, recipient),
        "sender": APP.borough,
        "client": APP.client,
        "delivered_at": AT,
    }
    return ShareDelivered.model_validate(facts | over)


def share_refused(recipient: Recipient, reason: Reason = Reason.NOT_ACTIVE) -> CouncilNotTold:
    return CouncilNotTold(move="m", recipient=recipient.borough, purpose=recipient.purpose, reason=reason, refused_at=AT)


def message_reference(move: Move, channel: Channel) -> str:
    return next(move.reference_of(message) for message in move.messages if message.channel == channel.value)


def message_delivered(move: Move, channel: Channel, **over: Any) -> NotificationDelivered:
    facts = {
        "notification": "n",
        "service": APP.service,
        "channel": channel,
        "reference": message_reference(move, channel),
        "delivered_at": AT,
    }
    return NotificationDelivered.model_validate(facts | over)


def message_failed(move: Move, channel: Channel, **over: Any) -> NotificationFailed:
    facts = {
        "notification": "n",
        "service": APP.service,
        "channel": channel,
        "reference": message_reference(move, channel),
        "status": "permanent-failure",
        "failed_at": AT,
    }
    return NotificationFailed.model_validate(facts | over)


def test_a_move_begins_by_telling_every_council_once():
    first = begin(MoveSubmitted(move="m", recipients=(CAMDEN, HACKNEY, CAMDEN), text_wanted=True, submitted_at=AT))
    asked = [(command.move, command.recipient) for command in first.commands if isinstance(command, Share)]
    assert asked == [("m", CAMDEN), ("m", HACKNEY)]
    assert len(first.commands) == len(asked)
    assert not first.events


def test_the_citizen_is_written_to_only_when_every_council_is_settled():
    move = submitted(CAMDEN, HACKNEY)
    after_one = record_share(move, share_delivered(move, CAMDEN))
    assert after_one.commands == []
    after_both = record_share(after_one.state, share_delivered(move, HACKNEY))
    assert after_both.commands == [Send(channel="email", move=after_both.state), Send(channel="sms", move=after_both.state)]


def test_without_a_mobile_number_there_is_no_text():
    move = submitted(HACKNEY, text=False)
    last = record_share(move, share_delivered(move, HACKNEY))
    assert last.commands == [Send(channel="email", move=last.state)]


def test_councils_may_answer_in_any_order_and_twice():
    begun = submitted(CAMDEN, HACKNEY, REGISTER)
    facts: list[tuple[Any, Any]] = [
        (record_share, share_delivered(begun, CAMDEN)),
        (record_refusal, share_refused(HACKNEY)),
        (record_share, share_delivered(begun, REGISTER)),
    ]
    ends = set()
    for order in permutations(facts):
        move, sends = begun, 0
        for step, fact in [*order, *order]:
            following = step(move, fact)
            move, sends = following.state, sends + len(following.commands)
        ends.add((tuple(telling.progress for telling in move.tellings), sends))
    assert ends == {((Progress.DONE, Progress.REFUSED, Progress.DONE), 2)}


def test_a_refusal_does_not_undo_a_delivery_nor_the_other_way_round():
    begun = submitted(CAMDEN, HACKNEY)
    move = record_share(begun, share_delivered(begun, CAMDEN)).state
    assert record_refusal(move, share_refused(CAMDEN)).state == move
    move = record_refusal(begun, share_refused(CAMDEN)).state
    assert record_share(move, share_delivered(move, CAMDEN)).state == move


def settled(*recipients: Recipient, refusing: tuple[Recipient, ...] = (), because: Reason = Reason.NOT_ACTIVE, text: bool = True) -> Move:
    """Return a move in which every council has received or refused it."""
    move = submitted(*recipients, text=text)
    for recipient in recipients:
        following = (
            record_refusal(move, share_refused(recipient, because))
            if recipient in refusing
            else record_share(move, share_delivered(move, recipient))
        )
        move = following.state
    return move


def test_a_move_is_complete_when_the_last_message_has_arrived():
    move = settled(CAMDEN, HACKNEY, refusing=(HACKNEY,))
    after_email = record_delivery(move, message_delivered(move, Channel.EMAIL))
    assert not after_email.events
    assert not after_email.ended
    last = record_delivery(after_email.state, message_delivered(move, Channel.SMS))
    assert last.events == [MoveCompleted(move="m", told=1, refused=1, completed_at=AT)]
    assert last.ended
    again = record_delivery(last.state, message_delivered(move, Channel.SMS))
    assert again.state == last.state
    assert not again.events


@pytest.mark.parametrize("learnt", ["by the event", "by asking"])
def test_a_message_that_cannot_be_delivered_completes_the_move_and_the_page_says_so(learnt):
    move = settled(HACKNEY, text=False)
    if learnt == "by the event":
        last = record_failure(move, message_failed(move, Channel.EMAIL))
    else:
        last = record_message(move, MessageFound(move="m", channel=Channel.EMAIL, delivered=False, found_at=AT))
    assert last.ended
    assert [step.status for step in steps(last.state)] == [Progress.DONE, Progress.DONE, Progress.FAILED]
    assert "on this page" in (steps(last.state)[-1].detail or "")
    assert outcome_of(last.state) is Outcome.ALL_TOLD, "who was told does not depend on the mail"


# ---------------------------------------------------------------- trusted events


@pytest.mark.parametrize("over", [{"sender": "E09000007"}, {"client": "another"}, {"sender": None, "client": None}])
def test_another_boroughs_or_clients_share_is_nobodys_however_right_its_reference_is(over):
    move = submitted(CAMDEN)
    assert APP.move_of_share(share_delivered(move, CAMDEN)) == "m"
    assert APP.move_of_share(share_delivered(move, CAMDEN, **over)) is None


def test_another_services_message_is_nobodys_however_right_its_reference_is():
    move = submitted(CAMDEN)
    assert APP.move_of_message(message_delivered(move, Channel.EMAIL)) == "m"
    for event in (message_delivered(move, Channel.EMAIL, service="another"), message_failed(move, Channel.EMAIL, service="another")):
        assert APP.move_of_message(event) is None


@pytest.mark.parametrize("wrong", [None, "", "m", "m:", "m:email", "m:guess", "n:guess"])
def test_a_share_or_message_of_ours_under_a_reference_that_the_move_did_not_give_moves_nothing(wrong):
    begun, written = submitted(CAMDEN), settled(CAMDEN)
    steps_: list[tuple[Move, Any, Event]] = [
        (begun, record_share, share_delivered(begun, CAMDEN, reference=wrong)),
        (written, record_delivery, message_delivered(written, Channel.EMAIL, reference=wrong)),
        (written, record_failure, message_failed(written, Channel.EMAIL, reference=wrong)),
    ]
    for move, step, event in steps_:
        following = step(move, event)
        assert (following.state, following.commands, following.events) == (move, [], [])


def test_the_reference_for_one_council_or_message_does_not_answer_for_another():
    move = submitted(CAMDEN, HACKNEY)
    assert record_share(move, share_delivered(move, CAMDEN, reference=reference(move, HACKNEY))).state == move
    written = settled(CAMDEN)
    crossed = message_delivered(written, Channel.EMAIL, reference=message_reference(written, Channel.SMS))
    assert record_delivery(written, crossed).state == written


def test_two_moves_share_no_reference_and_none_can_be_foreseen():
    references = {telling.reference for _ in range(20) for telling in submitted(CAMDEN, HACKNEY).tellings}
    assert len(references) == 40
    assert all(len(str(one)) >= len("m:") + 22 for one in references), "128 bits in base64url"


def test_a_move_from_before_references_were_kept_goes_on_under_its_old_ones():
    old = Move.model_validate(
        {"id": "m", "submitted_at": AT, "tellings": [{"recipient": CAMDEN.model_dump()}], "messages": [{"channel": "email"}]}
    )
    move = record_share(old, share_delivered(old, CAMDEN, reference="m")).state
    assert move.messages[0].progress is Progress.RUNNING
    assert record_delivery(move, message_delivered(move, Channel.EMAIL, reference="m:email")).ended


# ---------------------------------------------------------------- text for the citizen


def test_the_message_carries_what_became_of_each_council_in_plain_words():
    move = settled(CAMDEN, HACKNEY, refusing=(HACKNEY,), because=Reason.NO_AGREEMENT)
    assert outcomes(move) == [
        "Camden Council has been told about Council Tax.",
        (
            "Hackney Council has not been told about Council Tax, because no agreement lets us tell them. "
            "You need to tell them yourself, at hackney.gov.uk."
        ),
    ]
    assert next_steps(move) == [
        "Tell Hackney Council about Council Tax yourself, at hackney.gov.uk.",
        "Camden Council will write to you if they need to know more. You do not need to contact them.",
    ]


@pytest.mark.parametrize(
    ("refusing", "outcome", "must_say", "must_not_say"),
    [
        ((), Outcome.ALL_TOLD, "We have told everyone you asked us to tell", "yourself"),
        ((HACKNEY,), Outcome.SOME_TOLD, "not told everyone", "We have told everyone"),
        ((CAMDEN, HACKNEY), Outcome.NOBODY_TOLD, "not told any council", "will write to you"),
    ],
)
def test_heading_mail_and_text_say_the_same_truth_about_who_was_told(refusing, outcome, must_say, must_not_say):
    move = settled(CAMDEN, HACKNEY, refusing=refusing, because=Reason.NO_AGREEMENT)
    assert outcome_of(move) is outcome
    mail = personalisation("email", DETAILS, move, reference="MOV-234-679", page="p")
    text = personalisation("sms", DETAILS, move, reference="MOV-234-679", page="p")
    said = " ".join(f"{value}" for value in mail.values())
    assert must_say in said
    assert must_say in HEADINGS[outcome]
    for words in (said, str(text)):
        assert must_not_say not in words
        assert ("yourself" in words) == bool(refusing)
        assert "MOV-234-679" in words
    assert ("Hackney Council (Council Tax)" in text["summary"]) == (outcome is Outcome.SOME_TOLD)


def test_a_move_under_way_or_late_does_not_claim_to_be_done():
    move = submitted(CAMDEN)
    assert (outcome_of(move), outcome_of(chase(move).state)) == (Outcome.UNDER_WAY, Outcome.LATE)
    assert not any("have told" in HEADINGS[outcome] for outcome in (Outcome.UNDER_WAY, Outcome.LATE))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_of_a_refusal_has_words_of_its_own(reason):
    move = record_refusal(submitted(CAMDEN), share_refused(CAMDEN, reason)).state
    detail = steps(move)[1].detail
    assert detail is not None
    assert "You need to tell them yourself, at www.camden.gov.uk." in detail
    assert reason.value not in detail


# ---------------------------------------------------------------- after a day


def test_after_a_day_what_is_open_is_asked_after_and_somebody_is_told():
    move = settled(CAMDEN)
    late = chase(record_delivery(move, message_delivered(move, Channel.SMS)).state)
    assert late.commands == [AskAfterMessage(move="m", channel="email", reference=message_reference(move, Channel.EMAIL))]
    assert isinstance(late.events[0], MoveDelayed)
    assert (late.events[0].councils_open, late.events[0].messages_open) == (0, 1)
    assert late.state.late
    assert not late.ended
    begun = submitted(CAMDEN)
    assert chase(begun).commands == [AskAfterShare(move="m", recipient=CAMDEN, reference=reference(begun, CAMDEN))]


def test_an_answer_to_asking_moves_on_like_the_event_that_never_came():
    begun = submitted(CAMDEN)
    asked = record_polled_share(
        chase(begun).state, CouncilTold(move="m", recipient="E09000007", purpose="council-tax", share="s", told_at=AT)
    )
    assert [type(command) for command in asked.commands] == [Send, Send]
    assert asked.state.tellings[0].share == "s"
    assert not record_share(asked.state, share_delivered(begun, CAMDEN)).commands


def test_a_late_move_still_completes():
    move = chase(submitted(CAMDEN, text=False)).state
    move = record_share(move, share_delivered(move, CAMDEN)).state
    assert record_delivery(move, message_delivered(move, Channel.EMAIL)).ended
