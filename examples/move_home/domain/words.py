"""What the citizen reads: each step of a move in plain words, the same on the page, in the email and in the API."""

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


class Step(BaseModel):
    """One line of the status page."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Stable, for programs: `recorded`, `shared:<GSS code>:<purpose>`, `email`, `sms`."""
    title: str
    status: Progress
    label: str
    detail: str | None = None
    """What the citizen should know or do."""


def steps(move: Move) -> list[Step]:
    """Every step of the move in the order in which they happen."""
    recorded = Step(name="recorded", title="Your move is recorded", status=Progress.DONE, label=_LABELS[Progress.DONE])
    return [recorded, *map(_telling, move.tellings), *map(_message, move.messages)]


def outcomes(move: Move) -> list[str]:
    """One sentence about each council, for the email."""
    return [_sentence(telling) for telling in move.tellings]


def summary(move: Move) -> str:
    """One sentence about all councils, short enough for a text."""
    told, refused = move.count(Progress.DONE), move.count(Progress.REFUSED)
    if not refused:
        return "We have told everyone you asked us to tell."
    if not told:
        return "We could not tell the councils. You need to tell them yourself."
    return f"We have told {told} of {told + refused}. You need to tell the others yourself."


def _sentence(telling: Telling) -> str:
    council, purpose = council_name(telling.recipient.borough), PURPOSES[telling.recipient.purpose].name
    if telling.progress is Progress.REFUSED:
        return f"{council} has not been told about {purpose}, because {_because(telling)}. {_advice(telling)}"
    return f"{council} has been told about {purpose}."


def _telling(telling: Telling) -> Step:
    council, purpose = council_name(telling.recipient.borough), PURPOSES[telling.recipient.purpose].name
    refused = telling.progress is Progress.REFUSED
    return Step(
        name=f"shared:{telling.recipient.borough}:{telling.recipient.purpose}",
        title=f"{council}: {purpose}",
        status=telling.progress,
        label=_LABELS[telling.progress],
        detail=f"We have not told {council}, because {_because(telling)}. {_advice(telling)}" if refused else None,
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
    borough = BOROUGHS.get(telling.recipient.borough)
    return f"You need to tell them yourself, at {borough.site}." if borough else "You need to tell them yourself."
