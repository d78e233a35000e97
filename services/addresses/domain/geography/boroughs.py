"""London's 33 local authorities, by GSS code and custodian code.

ONS assigns the GSS codes, GeoPlace the custodian codes (`LOCAL_CUSTODIAN_CODE` of AddressBase).
"""

from typing import NamedTuple


class Borough(NamedTuple):
    """One local authority."""

    gss: str
    custodian: int
    name: str


_NAMES = (
    "City of London", "Barking and Dagenham", "Barnet", "Bexley", "Brent", "Bromley", "Camden", "Croydon", "Ealing", "Enfield", "Greenwich",
    "Hackney", "Hammersmith and Fulham", "Haringey", "Harrow", "Havering", "Hillingdon", "Hounslow", "Islington", "Kensington and Chelsea",
    "Kingston upon Thames", "Lambeth", "Lewisham", "Merton", "Newham", "Redbridge", "Richmond upon Thames", "Southwark", "Sutton",
    "Tower Hamlets", "Waltham Forest", "Wandsworth", "Westminster",
)  # fmt: skip

BOROUGHS = {f"E090000{at:02d}": Borough(f"E090000{at:02d}", 5_000 + 30 * at, name) for at, name in enumerate(_NAMES, start=1)}
"""By GSS code. Both codes ascend in the order of the names: Camden is E09000007 and 5210."""
BY_CUSTODIAN = {borough.custodian: borough for borough in BOROUGHS.values()}
