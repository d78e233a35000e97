"""Dates and times in GOV.UK's style, on the clock of Europe/London."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def london_date(at: date) -> str:
    """Format `1 March 2026`: a date, or a time's day in London."""
    day = at.astimezone(LONDON) if isinstance(at, datetime) else at
    return f"{day.day} {day.strftime('%B %Y')}"


def london_time(at: datetime) -> str:
    """Format `5:30pm`, `9am`, `midday` or `midnight`."""
    there = at.astimezone(LONDON)
    if there.minute == 0 and there.hour in {0, 12}:
        return "midday" if there.hour else "midnight"
    minutes = f":{there.minute:02d}" if there.minute else ""
    return f"{there.hour % 12 or 12}{minutes}{'am' if there.hour < 12 else 'pm'}"


def london_date_time(at: datetime) -> str:
    """Format `1 March 2026 at 5:30pm`."""
    return f"{london_date(at)} at {london_time(at)}"
