"""How many values a JSON body may hold, counted before anything is made of them.

The cost of a body is in its number of values, not in its bytes: 77,000 unknown keys take half a second to be refused one by one,
while one text of the same size takes none.
"""

import re

from shared.http.errors import Problem

DEFAULT_MOST_VALUES = 5_000
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_OPENING = (b",", b"{", b"[")
"""Each value but the first is behind one of these."""


def require_few_values(raw: bytes, most: int) -> None:
    """Raises a 400 problem where a JSON text (RFC 8259) has more than `most` values, keys not counted. The text need not be valid."""
    if _marks(raw) > most and _marks(_STRINGS.sub(b"", raw)) > most:
        raise Problem(400, f"The body may hold at most {most} values.", type="too-many-values", field="body")


def _marks(text: bytes) -> int:
    return sum(map(text.count, _OPENING))
