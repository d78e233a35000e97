"""A limit on the number of values in a JSON body, checked before anything parses it.

The number of values decides the cost of a body, not its bytes: validation takes half a second to refuse 77,000 unknown keys one by
one, and no time for one text of the same size.
"""

import re

from shared.http.errors import Problem

DEFAULT_MOST_VALUES = 5_000
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_OPENING = (b",", b"{", b"[")
"""Each value but the first follows one of these."""


def require_few_values(raw: bytes, most: int) -> None:
    """Raises a 400 problem where a JSON text (RFC 8259) has more than `most` values, keys not counted. The text need not be valid."""
    if _marks(raw) > most and _marks(_STRINGS.sub(b"", raw)) > most:
        raise Problem(400, f"The body may hold at most {most} values.", type="too-many-values", field="body")


def _marks(text: bytes) -> int:
    return sum(map(text.count, _OPENING))
