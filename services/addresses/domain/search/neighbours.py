"""Words of addresses that name a neighbour: `land adjacent to 7 Hill Road`, `garage rear of 7 Hill Road`.

Councils describe plots, outbuildings and land without a number of their own by a neighbour (GeoPlace's DEC-Addresses, descriptive
identifiers). If only one of query and record has such a word, the match is never certain.
"""

from collections.abc import Collection

PLACES = frozenset({"ABOVE", "ADJACENT", "ADJOINING", "ALONGSIDE", "BEHIND", "BELOW", "BENEATH", "BESIDE", "BETWEEN", "BEYOND", "FACING",
                    "NEAR", "NEXT", "OPPOSITE", "OUTSIDE", "OVER", "REAR", "UNDER", "UNDERNEATH"})  # fmt: skip
"""Words for the position of a place relative to the named one."""
THINGS = frozenset({"ALLOTMENT", "ALLOTMENTS", "ANNEXE", "COACH", "CURTILAGE", "GARAGE", "GARAGES", "HARDSTANDING", "HOARDING", "KIOSK",
                    "LAND", "MAST", "MOORING", "OUTBUILDING", "OUTBUILDINGS", "PARKING", "PLOT", "PLOTS", "SHED", "SITE", "STABLE",
                    "STABLES", "SUBSTATION", "VERGE"})  # fmt: skip
"""Words for a place that is no home or business at the named address."""
WORDS = PLACES | THINGS
MOST_SURE = 0.75
"""Upper limit of the probability that such an address is its neighbour's: it leaves the decision to a person."""


def is_another(missing: Collection[str], extra_tokens: Collection[str]) -> bool:
    """Tells whether a candidate lacks such a word of the query (`missing`) or has one beyond the query (`extra_tokens`)."""
    return not (WORDS.isdisjoint(missing) and WORDS.isdisjoint(extra_tokens))
