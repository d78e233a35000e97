"""The table of steps by itself: what each fact leads to, in any order and however often."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from contracts.events.data_sharing import ShareDelivered
from contracts.events.notifications import Channel, NotificationDelivered, NotificationFailed
from examples.move_home.domain.move import Move, Progress, Reason
from examples.move_home.domain.purposes import Recipient
from examples.move_home.domain.words import outcomes, steps, summary
from examples.move_home.events import CouncilNotTold, CouncilTold, MessageFound, MoveCompleted, MoveDelayed, MoveSubmitted
from examples.move_home.journey import (
    AskAfterMessage,
    AskAfterShare,
    Send,
    Share,
    begin,
    chase,
    delivered,
    found,
    refused,
    told,
    told_after_all,
    undelivered,
)

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAMDEN = Recipient(borough="E09000007", purpose="council-tax")
HACKNEY = Recipient(borough="E09000012", purpose="council-tax")
REGISTER = Recipient(borough="E09000012", purpose="electoral-register")


def submitted(*recipients: Recipient, text: bool = True) -> Move:
    return begin(MoveSubmitted(move="m", recipients=recipients, text_wanted=text, submitted_at=AT)).state


def share_delivered(recipient: Recipient) -> ShareDelivered:
    return ShareDelivered(share="s", agreement="a", purpose=recipient.purpose, recipient=recipient.borough, reference="m", delivered_at=AT)


def share_refused(recipient: Recipient, reason: Reason = Reason.NOT_ACTIVE) -> CouncilNotTold:
    return CouncilNotTold(move="m", recipient=recipient.borough, purpose=recipient.purpose, reason=reason, refused_at=AT)


def message_delivered(channel: Channel) -> NotificationDelivered:
    return NotificationDelivered(notification="n", service="s", channel=channel, reference=f"m:{channel}", delivered_at=AT)


def message_failed(channel: Channel) -> NotificationFailed:
    return NotificationFailed(
        notification="n", service="s", channel=channel, reference=f"m:{channel}", status="permanent-failure", failed_at=AT
    )


def test_a_move_begins_by_telling_every_council_once():
    first = begin(MoveSubmitted(move="m", recipients=(CAMDEN, HACKNEY, CAMDEN), text_wanted=True, submitted_at=AT))
    assert first.commands == [Share(move="m", recipient=CAMDEN), Share(move="m", recipient=HACKNEY)]
    assert not first.events


def test_the_citizen_is_written_to_only_when_every_council_is_settled():
    after_one = told(submitted(CAMDEN, HACKNEY), share_delivered(CAMDEN))
    assert after_one.commands == []
    after_both = told(after_one.state, share_delivered(HACKNEY))
    assert after_both.commands == [Send(channel="email", move=after_both.state), Send(channel="sms", move=after_both.state)]


def test_without_a_mobile_number_there_is_no_text():
    last = told(submitted(HACKNEY, text=False), share_delivered(HACKNEY))
    assert last.commands == [Send(channel="email", move=last.state)]


def test_councils_may_answer_in_any_order_and_twice():
    facts: list[tuple[Any, Any]] = [(told, share_delivered(CAMDEN)), (refused, share_refused(HACKNEY)), (told, share_delivered(REGISTER))]
    ends = set()
    for order in permutations(facts):
        move, sends = submitted(CAMDEN, HACKNEY, REGISTER), 0
        for step, fact in [*order, *order]:
            following = step(move, fact)
            move, sends = following.state, sends + len(following.commands)
        ends.add((tuple(telling.progress for telling in move.tellings), sends))
    assert ends == {((Progress.DONE, Progress.REFUSED, Progress.DONE), 2)}


def test_a_refusal_does_not_undo_a_delivery_nor_the_other_way_round():
    move = told(submitted(CAMDEN, HACKNEY), share_delivered(CAMDEN)).state
    assert refused(move, share_refused(CAMDEN)).state == move
    move = refused(submitted(CAMDEN, HACKNEY), share_refused(CAMDEN)).state
    assert told(move, share_delivered(CAMDEN)).state == move


def test_a_move_is_complete_when_the_last_message_has_arrived():
    move = refused(told(submitted(CAMDEN, HACKNEY), share_delivered(CAMDEN)).state, share_refused(HACKNEY)).state
    after_email = delivered(move, message_delivered(Channel.EMAIL))
    assert not after_email.events
    assert not after_email.ended
    last = delivered(after_email.state, message_delivered(Channel.SMS))
    assert last.events == [MoveCompleted(move="m", told=1, refused=1, completed_at=AT)]
    assert last.ended
    again = delivered(last.state, message_delivered(Channel.SMS))
    assert again.state == last.state
    assert not again.events


@pytest.mark.parametrize(
    ("step", "fact"),
    [
        (
            undelivered,
            NotificationFailed(
                notification="n", service="s", channel=Channel.EMAIL, reference="m:email", status="permanent-failure", failed_at=AT
            ),
        ),
        (found, MessageFound(move="m", channel=Channel.EMAIL, delivered=False, found_at=AT)),
    ],
)
def test_a_message_that_cannot_be_delivered_completes_the_move_and_the_page_says_so(step, fact):
    move = told(submitted(HACKNEY, text=False), share_delivered(HACKNEY)).state
    last = step(move, fact)
    assert last.ended
    assert [step.status for step in steps(last.state)] == [Progress.DONE, Progress.DONE, Progress.FAILED]
    assert "on this page" in (steps(last.state)[-1].detail or "")


def test_the_message_carries_what_became_of_each_council_in_plain_words():
    move = refused(told(submitted(CAMDEN, HACKNEY), share_delivered(CAMDEN)).state, share_refused(HACKNEY, Reason.NO_AGREEMENT)).state
    assert outcomes(move) == [
        "Camden Council has been told about Council Tax.",
        (
            "Hackney Council has not been told about Council Tax, because no agreement lets us tell them. "
            "You need to tell them yourself, at hackney.gov.uk."
        ),
    ]
    assert summary(move) == "We have told 1 of 2. You need to tell the others yourself."


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_of_a_refusal_has_words_of_its_own(reason):
    move = refused(submitted(CAMDEN), share_refused(CAMDEN, reason)).state
    detail = steps(move)[1].detail
    assert detail is not None
    assert "You need to tell them yourself, at www.camden.gov.uk." in detail
    assert reason.value not in detail


def test_after_a_day_what_is_open_is_asked_after_and_somebody_is_told():
    move = told(submitted(CAMDEN), share_delivered(CAMDEN)).state
    late = chase(delivered(move, message_delivered(Channel.SMS)).state)
    assert late.commands == [AskAfterMessage(move="m", channel="email")]
    assert isinstance(late.events[0], MoveDelayed)
    assert (late.events[0].councils_open, late.events[0].messages_open) == (0, 1)
    assert late.state.late
    assert not late.ended
    assert chase(submitted(CAMDEN)).commands == [AskAfterShare(move="m", recipient=CAMDEN)]


def test_an_answer_to_asking_moves_on_like_the_event_that_never_came():
    asked = told_after_all(chase(submitted(CAMDEN)).state, CouncilTold(move="m", recipient="E09000007", purpose="council-tax", told_at=AT))
    assert [type(command) for command in asked.commands] == [Send, Send]
    assert not told(asked.state, share_delivered(CAMDEN)).commands


def test_a_late_move_still_completes():
    move = chase(submitted(CAMDEN, text=False)).state
    move = told(move, share_delivered(CAMDEN)).state
    assert delivered(move, message_delivered(Channel.EMAIL)).ended
