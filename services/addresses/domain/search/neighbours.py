"""Words by which an address is of another place than the one that it names: `land adjacent to 7 Hill Road`, `garage rear of 7 Hill Road`.

Councils write so of plots, outbuildings and land without a number of its own (descriptive identifiers of GeoPlace's DEC-Addresses). The
neighbour that is named is not meant: an address that lacks such a word is never a sure match for one that has it, nor the other way round.
"""

from collections.abc import Collection

PLACES = frozenset({"ABOVE", "ADJACENT", "ADJOINING", "ALONGSIDE", "BEHIND", "BELOW", "BENEATH", "BESIDE", "BETWEEN", "BEYOND", "FACING",
                    "NEAR", "NEXT", "OPPOSITE", "OUTSIDE", "OVER", "REAR", "UNDER", "UNDERNEATH"})  # fmt: skip
"""Where a place lies, seen from the one that is named."""
THINGS = frozenset({"ALLOTMENT", "ALLOTMENTS", "ANNEXE", "COACH", "CURTILAGE", "GARAGE", "GARAGES", "HARDSTANDING", "HOARDING", "KIOSK",
                    "LAND", "MAST", "MOORING", "OUTBUILDING", "OUTBUILDINGS", "PARKING", "PLOT", "PLOTS", "SHED", "SITE", "STABLE",
                    "STABLES", "SUBSTATION", "VERGE"})  # fmt: skip
"""What stands or lies there, and is no home or business with that address."""
WORDS = PLACES | THINGS
MOST_SURE = 0.75
"""The probability that such an address is of its neighbour, at most: a person is asked."""


def is_another(missing: Collection[str], extra_tokens: Collection[str]) -> bool:
    """Whether a candidate lacks such a word (`missing`) or has one that was not written (`extra_tokens`)."""
    return not (WORDS.isdisjoint(missing) and WORDS.isdisjoint(extra_tokens))
