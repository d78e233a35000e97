r"""Finds text that a mail program may turn into a link, in time proportional to the text.

It finds the matches of GOV.UK Notify's expression `(?i)\b(?<![@.])(https?://)?([\w\-]+\.)+([a-z]{2,63})(?!@)\b([/?#][^<\s]*)?`. That
expression reads a run such as `a-a-a-` again from each of its words, in time that grows with the square of the run's length. This module
reads each run of labels once: its last possible top-level domain decides whether the run contains an address.
"""

import re
from collections.abc import Callable, Iterator

_LABELS = re.compile(r"[\w\-]++(?:\.[\w\-]++)*+")
_TOP_LEVEL = re.compile(r"(?i)[a-z]{2,63}(?!@)\b")
_START = re.compile(r"\b(?<![@.])[\w\-]")
_SCHEME = re.compile(r"(?i)\b(?<![@.])https?\Z")
_LONGEST_SCHEME = len("https")
_PATH = re.compile(r"[/?#][^<\s]*+")


def replaced(text: str, by: Callable[[str], str]) -> str:
    """Replace each address of the text by `by(address)`."""
    written, end = [], 0
    for start, stop in _found(text):
        written += [text[end:start], by(text[start:stop])]
        end = stop
    return "".join([*written, text[end:]])


def _found(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while run := _LABELS.search(text, at):
        name = _name(text, *run.span()) or _after_scheme(text, *run.span())
        if name is None:
            at = run.end()
            continue
        start, end = name
        path = _PATH.match(text, end)
        at = path.end() if path else end
        yield start, at


def _name(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the first host name in a run of labels, up to the last label that can be a top-level domain."""
    last = _last_top_level(text, start, end)
    if last is None:
        return None
    dot, stop = last
    first = _START.search(text, start, dot)
    return (first.start(), stop) if first else None


def _after_scheme(text: str, start: int, end: int) -> tuple[int, int] | None:
    """`https://` and the host name behind it, where the run ends with the scheme's name."""
    if not text.startswith("://", end):
        return None
    scheme = _SCHEME.search(text, max(start, end - _LONGEST_SCHEME), end)
    host = _LABELS.match(text, end + 3)
    last = _last_top_level(text, *host.span()) if scheme and host else None
    return (scheme.start(), last[1]) if scheme and last else None


def _last_top_level(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the last dot of a run with a top-level domain behind it, and where that ends."""
    dot = text.rfind(".", start, end)
    while dot != -1:
        if found := _TOP_LEVEL.match(text, dot + 1):
            return dot, found.end()
        dot = text.rfind(".", start, dot)
    return None
