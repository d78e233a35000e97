"""Addresses as a matcher is asked for: most of them held, some not, one in twenty of a whole building, three in ten without a postcode."""

import random
import re
from collections.abc import Iterator, Sequence

from benchmarks.addresses.noise import Written, written
from services.addresses.domain.addressbase.records import Blpu

KEPT_OUT = 12
"""One in so many of what is delivered to is kept out of the release, and asked for all the same."""
SHARE_OF_SHELLS = 0.05
SHARE_ELSEWHERE = 0.05
"""Besides: addresses that are nowhere."""
SHARE_WITHOUT_POSTCODE = 0.3


def held(everything: Sequence[Blpu]) -> Iterator[Blpu]:
    """What is put into the release."""
    number = 0
    for blpu in everything:
        number += blpu.delivery_point is not None
        if blpu.delivery_point is None or number % KEPT_OUT:
            yield blpu


def asked(everything: Sequence[Blpu], count: int, seed: int) -> list[Written]:
    """So many addresses, and those that are nowhere (their UPRN is 0)."""
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
    """An address that no record has: another number, or a street that is nowhere, at the same postcode."""
    if dice.random() < 0.5:
        return Written(
            re.sub(r"[0-9]+", lambda found: str(int(found[0]) + 2 * dice.randint(100, 900)), each.text, count=1), each.postcode, 0
        )
    other = dice.choice(("High", "Church", "Station", "Victoria", "Park", "Mill", "Queens", "Kings", "Albert", "Manor"))
    return Written(f"{dice.randint(1, 60)} {other} {dice.choice(('Road', 'Street', 'Lane', 'Avenue'))}", each.postcode, 0)
