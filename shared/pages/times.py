"""Times as people in London read them: GOV.UK's style for dates and times, on the clock of Europe/London."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def london_date(at: date) -> str:
    """`1 March 2026`: the day in London of a time, or a date as it is."""
    day = at.astimezone(LONDON) if isinstance(at, datetime) else at
    return f"{day.day} {day.strftime('%B %Y')}"


def london_time(at: datetime) -> str:
    """`5:30pm`, `9am`, `midday`, `midnight`."""
    there = at.astimezone(LONDON)
    if there.minute == 0 and there.hour in {0, 12}:
        return "midday" if there.hour else "midnight"
    minutes = f":{there.minute:02d}" if there.minute else ""
    return f"{there.hour % 12 or 12}{minutes}{'am' if there.hour < 12 else 'pm'}"


def london_date_time(at: datetime) -> str:
    """`1 March 2026 at 5:30pm`."""
    return f"{london_date(at)} at {london_time(at)}"
