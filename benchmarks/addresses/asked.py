"""Addresses for a matcher: most are in the release, some are not, one in twenty is a whole building, three in ten lack a postcode."""

import random
import re
from collections.abc import Iterator, Sequence

from benchmarks.addresses.noise import Written, written
from services.addresses.domain.addressbase.records import Blpu

KEPT_OUT = 12
"""The release lacks every twelfth delivery address; the benchmark asks for it all the same."""
SHARE_OF_SHELLS = 0.05
SHARE_ELSEWHERE = 0.05
"""Share of addresses that exist nowhere, added to the others."""
SHARE_WITHOUT_POSTCODE = 0.3


def held(everything: Sequence[Blpu]) -> Iterator[Blpu]:
    """The premises that the release gets."""
    number = 0
    for blpu in everything:
        number += blpu.delivery_point is not None
        if blpu.delivery_point is None or number % KEPT_OUT:
            yield blpu


def asked(everything: Sequence[Blpu], count: int, seed: int) -> list[Written]:
    """`count` addresses, and those that exist nowhere (their UPRN is 0)."""
    dice = random.Random(seed)
    homes = [blpu for blpu in everything if blpu.delivery_point]
    shells = [blpu for blpu in everything if not blpu.delivery_point]
    some = dice.sample(shells, min(len(shells), int(count * SHARE_OF_SHELLS)))
    chosen = dice.sample(homes, count - len(some)) + some
    dice.shuffle(chosen)
    made = written(chosen, everything, seed)
    made += [_elsewhere(each, dice) for each in dice.sample(made, int(count * SHARE_ELSEWHERE))]
    dice.shuffle(made)
    return [Written(each.text, "" if dice.random() < SHARE_WITHOUT_POSTCODE else each.postcode, each.uprn) for each in made]


def _elsewhere(each: Written, dice: random.Random) -> Written:
    """An address that no record has: another number, or a street that does not exist, at the same postcode."""
    if dice.random() < 0.5:
        return Written(
            re.sub(r"[0-9]+", lambda found: str(int(found[0]) + 2 * dice.randint(100, 900)), each.text, count=1), each.postcode, 0
        )
    other = dice.choice(("High", "Church", "Station", "Victoria", "Park", "Mill", "Queens", "Kings", "Albert", "Manor"))
    return Written(f"{dice.randint(1, 60)} {other} {dice.choice(('Road', 'Street', 'Lane', 'Avenue'))}", each.postcode, 0)
