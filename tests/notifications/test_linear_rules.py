"""Rules about texts take time in proportion to the text, whatever it holds; and they find what GOV.UK Notify's expressions find."""

import random
import re
import time
from collections.abc import Callable

import pytest

from services.notifications.domain import sms
from services.notifications.domain.markdown import EmailBody
from services.notifications.domain.placeholders import Personalisation, fill, filled_size
from services.notifications.domain.sanitising import sanitise
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
    "tidy": sms.tidy,
    "to_gsm": sms.to_gsm,
    "sanitise": sanitise,
    "a value in an email": lambda text: EmailBody("((a))", Personalisation({"a": text})).html(),
    "an email's template": lambda text: EmailBody(text[:8_000], Personalisation({})).html(),
}


def took(rule: Callable[[str], object], text: str) -> float:
    """Seconds of processor time, the least of three turns."""
    turns = []
    for _ in range(3):
        began = time.process_time()
        rule(text)
        turns.append(time.process_time() - began)
    return min(turns)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_text_takes_about_twice_as_long(rule: str, shape: str) -> None:
    small = took(RULES[rule], text_of(shape, 4_000))
    assert small < 0.5, f"{small:.2f} s for 4,000 characters"
    half, whole = took(RULES[rule], text_of(shape, 20_000)), took(RULES[rule], text_of(shape, 40_000))
    assert whole < 0.05 or whole < 3 * half, f"{half:.3f} s for 20,000 characters, {whole:.3f} s for 40,000"


def test_the_same_is_found_as_by_notify() -> None:
    dice = random.Random(1)
    for _ in range(20_000):
        text = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 12)))
        kept = NOTIFYS_URL.sub(lambda found: found[0].replace(".", ". ") if re.fullmatch(r"[a-zA-Z0-9.\-]+", found[0]) else "", text)
        assert sanitise(text).as_read == kept, text
        spaced = NOTIFYS_SPACES.sub(r"\1", text)
        assert sms.tidy(text) == sms.tidy(spaced), text


def test_the_size_of_a_filled_text_is_known_before_it_is_written() -> None:
    values = Personalisation({"a": "é" * 10, "b": ["x", "y"], "yes": True, "no": False})
    for text in ("((a)) and ((A))", "((yes??shown é))", "((no??hidden))", "((b))((missing))", "((a)", "é"):
        assert filled_size(text, values, str) == len(fill(text, values, str).encode())
