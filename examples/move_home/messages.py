"""The two messages that a move sends: their templates in GOV.UK Notify's markup, and the values that fill them.

Notifications holds the templates; the settings name their ids there.
"""

from dataclasses import dataclass
from typing import Literal

from .domain.answers import Details
from .domain.move import Move
from .domain.words import outcomes, summary


@dataclass(frozen=True, slots=True)
class Template:
    """A template as notifications takes it."""

    type: Literal["email", "sms"]
    name: str
    body: str
    subject: str | None = None


EMAIL = Template(
    "email",
    "Move home: what we have told the councils",
    subject="Your move: what we have told the councils",
    body="""Dear ((name))

You told us that you are moving home. This is what we have done.

((outcomes))

# What happens next

The councils that have been told will write to you if they need to know more.

See each step, and who has seen your details: ((page))""",
)
SMS = Template("sms", "Move home: what we have told the councils", body="((summary)) See ((page))")


def personalisation(channel: Literal["email", "sms"], details: Details, move: Move, page: str) -> dict[str, str | list[str]]:
    """The values of the template's placeholders."""
    if channel == "sms":
        return {"summary": summary(move), "page": page}
    return {"name": f"{details.given_name} {details.family_name}", "outcomes": outcomes(move), "page": page}
