"""Which postcodes of a release lie in several boroughs: few of all, so that they are found once and then looked up."""

import numpy as np

from .postcodes import Postcodes
from .premises_files import PremisesFiles


def split_postcodes(premises: PremisesFiles, postcodes: Postcodes) -> list[str]:
    """Those (`NW1 1AA`) with premises in more boroughs than one, or in another than their own by the directory of postcodes."""
    codes = premises.postcode_code_column
    held = np.zeros((len(codes), len(premises.borough_codes)), bool)
    held[premises.postcode_numbers, premises.boroughs] = True
    several = held.sum(axis=1) > 1
    numbers = {borough: number for number, borough in enumerate(premises.borough_codes)}
    for texts, boroughs in postcodes.own_boroughs():
        names = np.array(texts, codes.dtype)
        own = np.array([numbers.get(borough, -1) for borough in boroughs])
        at = codes.searchsorted(names)
        at[at == len(codes)] = 0
        here = codes[at] == names if len(codes) else np.zeros(len(names), bool)
        at, own = at[here], own[here]
        several[at] |= (own < 0) | ~held[at, own]
    return [code.decode() for code in codes[several].tolist() if code]
