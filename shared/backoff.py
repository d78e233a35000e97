"""How long to wait before what failed is tried again: longer each time, so that what is broken is not asked without end."""

import random

_MOST_DOUBLINGS = 20
"""More would be longer than any pause; and a failure that lasts for hours would come to numbers that are too large to multiply."""


def pause(failures: int, *, first: float, longest: float) -> float:
    """Seconds after so many failures in a row, 1 or more: `first`, doubled for each one before the last, up to `longest`; a fifth more or
    less, so that those who failed together do not come back together.
    """
    return min(longest, first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)) * random.uniform(0.8, 1.2)
