"""Sentences about a move: each step and the outcome in plain words, the same on the page, in messages and in the API."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from .boroughs import BOROUGHS, council_name
from .move import Message, Move, Progress, Reason, Telling
from .purposes import PURPOSES

_BECAUSE = {
    Reason.NOT_ACTIVE: "the agreement that lets us tell them is not in force at the moment",
    Reason.NOT_COVERED: "the councils have not agreed to share your details for this",
    Reason.NOT_A_PARTY: "they have not signed the agreement that would let us tell them",
    Reason.NO_ITEM_ALLOWED: "the councils have not agreed to share any of the details that we have",
    Reason.NO_AGREEMENT: "no agreement lets us tell them",
    Reason.NOT_ACCEPTED: "our systems could not take what we sent",
}
_MESSAGES = {"email": "Email to you", "sms": "Text to you"}
_LABELS = {
    Progress.WAITING: "Not started yet",
    Progress.RUNNING: "In progress",
    Progress.DONE: "Done",
    Progress.REFUSED: "Not told",
    Progress.FAILED: "Not delivered",
}


class Outcome(StrEnum):
    """Which councils were informed of a move."""

    UNDER_WAY = "under_way"
    LATE = "late"
    ALL_TOLD = "all_told"
    SOME_TOLD = "some_told"
    NOBODY_TOLD = "nobody_told"


HEADINGS = {
    Outcome.UNDER_WAY: "We are telling the councils",
    Outcome.LATE: "We are still telling the councils",
    Outcome.ALL_TOLD: "We have told everyone you asked us to tell",
    Outcome.SOME_TOLD: "We have not told everyone you asked us to tell",
    Outcome.NOBODY_TOLD: "We have not told any council about your move",
}
TAGS = {
    Outcome.UNDER_WAY: "In progress",
    Outcome.LATE: "Taking longer",
    Outcome.ALL_TOLD: "Everyone told",
    Outcome.SOME_TOLD: "Not everyone told",
    Outcome.NOBODY_TOLD: "Nobody told",
}
"""The outcome in two or three words, for a list of moves."""


class Step(BaseModel):
    """One line of the status page."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Stable, for programs: `recorded`, `shared:<GSS code>:<purpose>`, `email`, `sms`."""
    title: str
    status: Progress
    label: str
    detail: str | None = None
    """Advice for the citizen."""
    share: str | None = None
    """Data_sharing's id of the share, if there is one."""


def outcome_of(move: Move) -> Outcome:
    """Return which councils were informed, apart from the messages to the citizen."""
    if not move.councils_settled:
        return Outcome.LATE if move.late else Outcome.UNDER_WAY
    if not move.count(Progress.REFUSED):
        return Outcome.ALL_TOLD
    return Outcome.SOME_TOLD if move.count(Progress.DONE) else Outcome.NOBODY_TOLD


def steps(move: Move) -> list[Step]:
    """Return every step of the move, in order."""
    recorded = Step(name="recorded", title="Your move is recorded", status=Progress.DONE, label=_LABELS[Progress.DONE])
    return [recorded, *map(_telling, move.tellings), *map(_message, move.messages)]


def outcomes(move: Move) -> list[str]:
    """Return one sentence about each council, for the email."""
    return [_sentence(telling) for telling in move.tellings]


def next_steps(move: Move) -> list[str]:
    """Return what happens next for each council, or what the citizen must do; the citizen's tasks come first."""
    refused = [telling for telling in move.tellings if telling.progress is Progress.REFUSED]
    to_do = [f"Tell {_council(telling)} about {_matter(telling)} yourself{_where(telling)}." for telling in refused]
    told = dict.fromkeys(_council(telling) for telling in move.tellings if telling.progress is Progress.DONE)
    return [*to_do, *(f"{council} will write to you if they need to know more. You do not need to contact them." for council in told)]


def summary(move: Move) -> str:
    """Return the outcome in one or two sentences, short enough for a text."""
    outcome = outcome_of(move)
    if outcome is Outcome.SOME_TOLD:
        refused = [f"{_council(one)} ({_purpose(one)})" for one in move.tellings if one.progress is Progress.REFUSED]
        return f"We could not tell everyone about your move. You need to tell these yourself: {', '.join(refused)}."
    if outcome is Outcome.NOBODY_TOLD:
        return "We have not told any council about your move. You need to tell them yourself."
    return f"{HEADINGS[outcome]}."


def _sentence(telling: Telling) -> str:
    if telling.progress is Progress.REFUSED:
        return f"{_council(telling)} has not been told about {_matter(telling)}, because {_because(telling)}. {_advice(telling)}"
    return f"{_council(telling)} has been told about {_matter(telling)}."


def _telling(telling: Telling) -> Step:
    council = _council(telling)
    refused = telling.progress is Progress.REFUSED
    return Step(
        name=f"shared:{telling.recipient.borough}:{telling.recipient.purpose}",
        title=f"{council}: {_purpose(telling)}",
        status=telling.progress,
        label=_LABELS[telling.progress],
        detail=f"We have not told {council}, because {_because(telling)}. {_advice(telling)}" if refused else None,
        share=telling.share,
    )


def _message(message: Message) -> Step:
    failed = message.progress is Progress.FAILED
    return Step(
        name=message.channel,
        title=_MESSAGES[message.channel],
        status=message.progress,
        label=_LABELS[message.progress],
        detail="We could not deliver it. Everything it would have said is on this page." if failed else None,
    )


def _because(telling: Telling) -> str:
    return _BECAUSE[telling.reason or Reason.NOT_ACCEPTED]


def _advice(telling: Telling) -> str:
    return f"You need to tell them yourself{_where(telling)}."


def _where(telling: Telling) -> str:
    borough = BOROUGHS.get(telling.recipient.borough)
    return f", at {borough.site}" if borough else ""


def _council(telling: Telling) -> str:
    return council_name(telling.recipient.borough)


def _purpose(telling: Telling) -> str:
    return PURPOSES[telling.recipient.purpose].name


def _matter(telling: Telling) -> str:
    return PURPOSES[telling.recipient.purpose].in_sentence
