"""Text rules take time in proportion to the text, and find what GOV.UK Notify's expressions find."""

import random
import re
import time
from collections.abc import Callable

import pytest

from services.notifications.domain import sms
from services.notifications.domain.markdown import EmailBody
from services.notifications.domain.placeholders import Personalisation, fill, filled_size
from services.notifications.domain.sanitisation import sanitise
from tests.fuzz.slots import SHAPES, text_of

NOTIFYS_URL = re.compile(r"(?i)\b(?<![@.])(https?://)?([\w\-]+\.)+([a-z]{2,63})(?!@)\b([/?#][^<\s]*)?")
NOTIFYS_SPACES = re.compile(r"[ \t]+([,.])")
PIECES = [
    "a",
    "b-",
    "-",
    "com",
    ".",
    ".",
    "..",
    "@",
    "http",
    "https",
    "://",
    "/",
    "?",
    "<",
    " ",
    "é",
    "1",
    "_",
    "x" * 64,
    "A.Co",
    "#",
    "\n",
]
RULES: dict[str, Callable[[str], object]] = {
    "collapse_spaces": sms.collapse_spaces,
    "to_gsm": sms.to_gsm,
    "sanitise": sanitise,
    "a value in an email": lambda text: EmailBody("((a))", Personalisation({"a": text})).html(),
    "an email's template": lambda text: EmailBody(text[:8_000], Personalisation({})).html(),
}


SMALLER, LARGER = 5_000, 40_000
"""Eight times the text: a linear rule takes about eight times as long, a quadratic one 64 times."""
MOST_GROWTH = 24
FLOOR_SECONDS = 0.05
"""Shorter times are not compared: they are too noisy on a busy machine."""


def took(rule: Callable[[str], object], text: str) -> float:
    """Return seconds of processor time, the least of three runs."""
    turns = []
    for _ in range(3):
        began = time.process_time()
        rule(text)
        turns.append(time.process_time() - began)
    return min(turns)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_text_and_not_with_its_square(rule: str, shape: str) -> None:
    smaller, larger = took(RULES[rule], text_of(shape, SMALLER)), took(RULES[rule], text_of(shape, LARGER))
    if larger > max(FLOOR_SECONDS, MOST_GROWTH * smaller):  # measure the smaller again: it may have shared its processor's cache
        smaller = max(smaller, took(RULES[rule], text_of(shape, SMALLER)))
    assert larger <= max(FLOOR_SECONDS, MOST_GROWTH * smaller), f"{smaller:.3f} s for {SMALLER:,} characters, {larger:.3f} s for {LARGER:,}"


def test_the_same_is_found_as_by_notify() -> None:
    dice = random.Random(1)
    for _ in range(20_000):
        text = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 12)))
        kept = NOTIFYS_URL.sub(lambda found: found[0].replace(".", ". ") if re.fullmatch(r"[a-zA-Z0-9.\-]+", found[0]) else "", text)
        assert sanitise(text).as_read == kept, text
        spaced = NOTIFYS_SPACES.sub(r"\1", text)
        assert sms.collapse_spaces(text) == sms.collapse_spaces(spaced), text


def test_the_size_of_a_filled_text_is_known_before_it_is_written() -> None:
    values = Personalisation({"a": "é" * 10, "b": ["x", "y"], "yes": True, "no": False})
    for text in ("((a)) and ((A))", "((yes??shown é))", "((no??hidden))", "((b))((missing))", "((a)", "é"):
        assert filled_size(text, values, str) == len(fill(text, values, str).encode())
