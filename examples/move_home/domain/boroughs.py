"""London's 33 councils: GSS code, name, and website for reporting a move directly."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Borough:
    """A council. `code` is its GSS code (Office for National Statistics), `site` its website's host."""

    code: str
    name: str
    site: str

    @property
    def council(self) -> str:
        """The council's name in a sentence."""
        return "City of London Corporation" if self.code == "E09000001" else f"{self.name} Council"


_NAMES = (
    ("City of London", "www.cityoflondon.gov.uk"),
    ("Barking and Dagenham", "www.lbbd.gov.uk"),
    ("Barnet", "www.barnet.gov.uk"),
    ("Bexley", "www.bexley.gov.uk"),
    ("Brent", "www.brent.gov.uk"),
    ("Bromley", "www.bromley.gov.uk"),
    ("Camden", "www.camden.gov.uk"),
    ("Croydon", "www.croydon.gov.uk"),
    ("Ealing", "www.ealing.gov.uk"),
    ("Enfield", "www.enfield.gov.uk"),
    ("Greenwich", "www.royalgreenwich.gov.uk"),
    ("Hackney", "hackney.gov.uk"),
    ("Hammersmith and Fulham", "www.lbhf.gov.uk"),
    ("Haringey", "www.haringey.gov.uk"),
    ("Harrow", "www.harrow.gov.uk"),
    ("Havering", "www.havering.gov.uk"),
    ("Hillingdon", "www.hillingdon.gov.uk"),
    ("Hounslow", "www.hounslow.gov.uk"),
    ("Islington", "www.islington.gov.uk"),
    ("Kensington and Chelsea", "www.rbkc.gov.uk"),
    ("Kingston upon Thames", "www.kingston.gov.uk"),
    ("Lambeth", "www.lambeth.gov.uk"),
    ("Lewisham", "lewisham.gov.uk"),
    ("Merton", "www.merton.gov.uk"),
    ("Newham", "www.newham.gov.uk"),
    ("Redbridge", "www.redbridge.gov.uk"),
    ("Richmond upon Thames", "www.richmond.gov.uk"),
    ("Southwark", "www.southwark.gov.uk"),
    ("Sutton", "www.sutton.gov.uk"),
    ("Tower Hamlets", "www.towerhamlets.gov.uk"),
    ("Waltham Forest", "www.walthamforest.gov.uk"),
    ("Wandsworth", "www.wandsworth.gov.uk"),
    ("Westminster", "www.westminster.gov.uk"),
)
BOROUGHS = {borough.code: borough for borough in (Borough(f"E09{number:06d}", *entry) for number, entry in enumerate(_NAMES, 1))}


def council_name(code: str) -> str:
    """Return the council's name in a sentence; the code itself for one outside London."""
    return BOROUGHS[code].council if code in BOROUGHS else code


def named(codes: Iterable[str]) -> str:
    """Return the names of boroughs by their GSS codes: `Camden, Hackney and Islington`."""
    *others, last = [BOROUGHS[code].name if code in BOROUGHS else "a council outside London" for code in codes]
    return f"{', '.join(others)} and {last}" if others else last
