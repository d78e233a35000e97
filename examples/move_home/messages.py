"""The two messages that a move sends: their templates in GOV.UK Notify's markup, and the values that fill them.

Notifications holds the templates; the settings name their ids there.
"""

from dataclasses import dataclass
from typing import Literal

from .domain.answers import Details
from .domain.move import Move
from .domain.words import HEADINGS, next_steps, outcome_of, outcomes, summary


@dataclass(frozen=True, slots=True)
class Template:
    """A template in the form that notifications accepts."""

    type: Literal["email", "sms"]
    name: str
    body: str
    subject: str | None = None


EMAIL = Template(
    "email",
    "Move home: who has been told",
    subject="Your move: ((outcome))",
    body="""Dear ((name))

You asked us to tell councils that you are moving home.

# ((headline))

((outcomes))

# What happens next

((next))

Your reference is ((reference)).

See each step, and who has seen your details: ((page))""",
)
SMS = Template("sms", "Move home: who has been told", body="((summary)) Your reference is ((reference)). See ((page))")


def personalisation(
    channel: Literal["email", "sms"], details: Details, move: Move, *, reference: str, page: str
) -> dict[str, str | list[str]]:
    """Return the values of the template's placeholders."""
    if channel == "sms":
        return {"summary": summary(move), "reference": reference, "page": page}
    headline = HEADINGS[outcome_of(move)]
    return {
        "name": f"{details.given_name} {details.family_name}",
        "headline": headline,
        "outcome": headline[0].lower() + headline[1:],
        "outcomes": outcomes(move),
        "next": next_steps(move),
        "reference": reference,
        "page": page,
    }
