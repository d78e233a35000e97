"""Every decision record has all its parts on one page; indexes list every record and every page of measurements."""

import re
from datetime import date
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
DECISIONS, MEASUREMENTS = DOCS / "decisions", DOCS / "measurements"
RECORDS = sorted(DECISIONS.glob("[0-9]*.md"))
PARTS = ("Context", "Decision", "Alternatives", "Consequences")
LONGEST_PAGE = 650
"""Maximum words of a record; tables of measurements belong in docs/measurements/."""

_TITLE = re.compile(r"\A# (\d{4}) (.+)\n")
_STATUS = re.compile(
    r"^Status: (accepted|rejected|superseded by \[\d{4}\]\(\S+\))([,;] [^.]+)?\. Date: (\d{4}-\d{2}-\d{2})\.( .+)?$", re.MULTILINE
)


def _index_row(record: Path) -> str:
    text = record.read_text()
    title, status = _TITLE.match(text), _STATUS.search(text)
    assert title, f"{record.name} begins with '# NNNN Title'"
    assert status, f"{record.name} has a line 'Status: accepted. Date: YYYY-MM-DD.'"
    date.fromisoformat(status[3])
    assert record.name.startswith(f"{title[1]}-"), f"{record.name} and its title have one number"
    return f"| [{title[1]}]({record.name}) | {title[2]} | {status[1]} | {status[3]} |"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_a_decision_has_all_its_parts_on_one_page(record):
    text = record.read_text()
    _index_row(record)
    found = re.findall(rf"^\*\*({'|'.join(PARTS)})\b", text, re.MULTILINE)
    assert tuple(dict.fromkeys(found)) == PARTS
    assert len(text.split()) <= LONGEST_PAGE


def test_no_two_decisions_share_a_number():
    numbers = [record.name[:4] for record in RECORDS]
    assert len(numbers) == len(set(numbers))


def test_the_index_lists_every_decision_in_order():
    rows = [line for line in (DECISIONS / "README.md").read_text().splitlines() if line.startswith("| [")]
    assert rows == [_index_row(record) for record in RECORDS]


def test_the_index_of_measurements_lists_every_page():
    index = (MEASUREMENTS / "README.md").read_text()
    pages = {page.name for page in MEASUREMENTS.glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()
