"""The questions, one a page. The session keeps each answer; the next page is the first question without one."""

import datetime
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from examples.move_home.domain.answers import Answers, Line, Mobile, Question, month_number, national
from examples.move_home.domain.boroughs import council_name
from examples.move_home.domain.purposes import PURPOSES, Recipient, offered
from examples.move_home.seal import Seal
from examples.move_home.store import Store
from shared import clock
from shared.http import Router
from shared.pages import LONDON, FormErrors, Pages

from .dependencies import Db, Form, Rendering, Sealing, SignedInCitizen, failure_as_page, see_other, text_of

router = Router(errors=failure_as_page, include_in_schema=False)

EARLIEST, LATEST = datetime.timedelta(days=366), datetime.timedelta(days=183)


class Asking:
    """A citizen with an unfinished move: renders a question's page and keeps its answer."""

    def __init__(self, request: Request, pages: Rendering, store: Db, seal: Sealing, citizen: SignedInCitizen) -> None:
        self.request, self.citizen = request, citizen
        self.answers = citizen.answers
        self._pages: Pages = pages
        self._store: Store = store
        self._seal: Seal = seal

    def page(self, template: str, *, errors: FormErrors | None = None, **context: Any) -> Response:
        """Render the question's page."""
        return self._pages.render(
            self.request,
            template,
            errors=errors,
            answers=self.answers,
            email=self.citizen.email,
            council=council_name,
            national=national,
            is_change=self.answers.next_question() is Question.CHECK,
            purposes=PURPOSES,
            **context,
        )

    async def keep(self, answers: Answers, then: str | None = None) -> Response:
        """Keep the answers and redirect: to `then`, or to the next open question."""
        await self._store.sessions.save(self.citizen.answering(answers, self._seal))
        return see_other(then or f"/move/{answers.next_question()}")

    async def keep_with(self, then: str | None = None, **update: object) -> Response:
        """Keep single answers and redirect likewise."""
        return await self.keep(self.answers.model_copy(update=update), then)


async def asking(request: Request, pages: Rendering, store: Db, seal: Sealing, citizen: SignedInCitizen) -> Asking:
    """The page's question, by a coroutine: FastAPI would call the class itself in a thread."""
    return Asking(request, pages, store, seal, citizen)


Asked = Annotated[Asking, Depends(asking)]


class Name(BaseModel):
    """The name as the form sends it."""

    model_config = ConfigDict(extra="ignore")

    given_name: Line
    family_name: Line


@router.get("/move")
async def begin(asked: Asked) -> Response:
    """Redirect to the first open question; the move has its id from now on."""
    return await asked.keep(asked.answers)


@router.get("/move/resume")
async def resume(asked: Asked) -> Response:
    """After a new sign-in, offer to send the late form; without one, redirect to the first open question."""
    unsent = asked.citizen.content.unsent
    if unsent is None or unsent.target.startswith("/move/check"):
        return await asked.keep(asked.answers)
    return asked.page("resume.html", unsent=unsent)


@router.get("/move/name")
async def ask_name(asked: Asked) -> Response:
    """Ask for the name, suggesting identity's."""
    given, _, family = (asked.citizen.content.name or "").rpartition(" ")
    values = {"given_name": asked.answers.given_name or given, "family_name": asked.answers.family_name or family}
    return asked.page("name.html", values=values)


@router.post("/move/name")
async def take_name(asked: Asked, form: Form) -> Response:
    """Keep the name."""
    try:
        name = Name.model_validate(dict(form))
    except ValidationError as failure:
        wanted = {
            "given_name": too_long("First name") if text_of(form, "given_name") else "Enter your first name",
            "family_name": too_long("Last name") if text_of(form, "family_name") else "Enter your last name",
        }
        return asked.page("name.html", values=form, errors=FormErrors.of(failure, wanted))
    return await asked.keep_with(given_name=name.given_name, family_name=name.family_name)


@router.get("/move/date")
async def ask_date(asked: Asked) -> Response:
    """Ask for the day of the move."""
    day = asked.answers.moved_on
    return asked.page("date.html", values={"day": day.day, "month": day.month, "year": day.year} if day else {}, today=london_today())


@router.post("/move/date")
async def take_date(asked: Asked, form: Form) -> Response:
    """Keep the day."""
    errors = FormErrors()
    day = _day(form, errors)
    if errors or day is None:
        return asked.page("date.html", values=form, errors=errors, today=london_today())
    return await asked.keep_with(moved_on=day)


@router.get("/move/tell")
async def ask_whom(asked: Asked) -> Response:
    """Ask which councils to inform, and for which purpose."""
    return asked.page("tell.html", choices=_choices(asked.answers), chosen=[_value(recipient) for recipient in asked.answers.tell])


@router.post("/move/tell")
async def take_whom(asked: Asked, form: Form) -> Response:
    """Keep the choice, which must be on offer."""
    chosen = form.getlist("tell")
    choices = _choices(asked.answers)
    recipients = tuple(choice for choice in choices if _value(choice) in chosen)
    if not recipients:
        errors = FormErrors()
        errors.add("tell", "Select at least one council to tell")
        return asked.page("tell.html", choices=choices, chosen=[], errors=errors)
    return await asked.keep_with(tell=recipients)


@router.get("/move/contact")
async def ask_contact(asked: Asked) -> Response:
    """Ask for a mobile number; the email address is identity's."""
    return asked.page("contact.html", phone=national(asked.answers.phone) if asked.answers.phone else "")


@router.post("/move/contact")
async def take_contact(asked: Asked, form: Form) -> Response:
    """Keep the number, or the choice to give none."""
    given = text_of(form, "phone")
    try:
        phone = TypeAdapter(Mobile).validate_python(given) if given else None
    except ValidationError:
        errors = FormErrors()
        errors.add("phone", "Enter a UK mobile number, like 07700 900 982, or leave it empty")
        return asked.page("contact.html", phone=given, errors=errors)
    return await asked.keep_with(phone=phone, contact_given=True)


def london_today() -> datetime.date:
    """Return today's date in London."""
    return clock.now().astimezone(LONDON).date()


def too_long(name: str, most: int = 100) -> str:
    """Return the error for a line that is too long or has unprintable characters."""
    return f"{name} must be {most} characters or less, all of them letters, numbers or signs"


def _choices(answers: Answers) -> tuple[Recipient, ...]:
    old, new = answers.old_address, answers.new_address
    return offered(old.borough if old else None, new.borough if new else None)


def _value(recipient: Recipient) -> str:
    return f"{recipient.borough}:{recipient.purpose}"


def _day(form: FormData, errors: FormErrors) -> datetime.date | None:
    """Read the date of the three fields, with the error messages of the design system's date input."""
    parts = {name: text_of(form, f"date-{name}") for name in ("day", "month", "year")}
    if not any(parts.values()):
        errors.add("date-day", "Enter the date you move")
        return None
    if missing := [name for name, value in parts.items() if not value]:
        errors.add(f"date-{missing[0]}", f"The date you move must include a {' and '.join(missing)}")
        return None
    try:
        day = datetime.date(int(parts["year"]), month_number(parts["month"]), int(parts["day"]))
    except (ValueError, OverflowError):
        errors.add("date-day", "The date you move must be a real date")
        return None
    today = london_today()
    if not today - EARLIEST <= day <= today + LATEST:
        errors.add("date-day", "The date you move must be within the last year or the next 6 months")
    return day
