"""Finds the postcodes of a release that lie in several boroughs, once when the release opens."""

import numpy as np

from .postcodes import Postcodes
from .premises import PremisesFiles


def split_postcodes(premises: PremisesFiles, postcodes: Postcodes) -> list[str]:
    """Return postcodes (`NW1 1AA`) with premises in several boroughs, or in another borough than the postcode directory gives."""
    codes = premises.postcode_code_column
    held = np.zeros((len(codes), len(premises.borough_codes)), bool)
    held[premises.postcode_numbers, premises.boroughs] = True
    several = held.sum(axis=1) > 1
    numbers = {borough: number for number, borough in enumerate(premises.borough_codes)}
    for borough, own in postcodes.of_each_borough() if len(codes) else ():
        names = np.array(own, codes.dtype)
        at = codes.searchsorted(names)
        at[at == len(codes)] = 0
        at = at[codes[at] == names]
        several[at] |= ~held[at, numbers[borough]] if borough in numbers else True
    return [code.decode() for code in codes[several].tolist() if code]
