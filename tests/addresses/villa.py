"""Two small releases: a house that was renumbered, a villa that was divided into flats, a postcode that two boroughs share."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from services.addresses.domain.addressbase.records import Blpu, DeliveryPoint, Language, LogicalStatus, Lpi, Numbering
from services.addresses.gazetteer.builds.full import write_release
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.manifest import Recipe

BUILT, RENUMBERED, DIVIDED = date(2000, 1, 1), date(2015, 4, 1), date(2020, 1, 1)
PLACE: dict[str, Any] = {"easting": 534_418.0, "northing": 184_649.0, "latitude": 51.5447, "longitude": -0.0629, "borough": "E09000012"}
HOUSE = Blpu(
    100, **PLACE, classification="RD04", start_date=BUILT, custodian=5360,
    lpis=(
        Lpi("5360L000000001", 1, "QUILLFEN STREET", pao=Numbering(12), town="LONDON", start_date=RENUMBERED),
        Lpi("5360L000000002", 2, "OLD LANE", LogicalStatus.HISTORICAL, pao=Numbering(3), town="LONDON", start_date=BUILT,
            end_date=RENUMBERED),
        Lpi("5360L000000003", 1, "STRYD QUILLFEN", LogicalStatus.APPROVED, Language.WELSH, pao=Numbering(12), town="LLUNDAIN",
            start_date=RENUMBERED),
        Lpi("5360L000000004", 1, "QUILLFEN STREET", LogicalStatus.ALTERNATIVE, pao_text="ROSE COTTAGE", town="LONDON",
            start_date=date(2018, 1, 1)),
    ),
    delivery_point=DeliveryPoint(1, "E8 1AB", "LONDON", building_number="12", thoroughfare="QUILLFEN STREET"),
)  # fmt: skip
VILLA = Blpu(
    200, **PLACE, classification="RD02", start_date=BUILT, postcode_locator="E8 1AD",
    lpis=(Lpi("5360L000000005", 1, "QUILLFEN STREET", pao=Numbering(14), town="LONDON", start_date=BUILT),),
)  # fmt: skip
DIVIDED_VILLA = replace(
    VILLA, logical_status=LogicalStatus.HISTORICAL, end_date=DIVIDED, successors=(201, 202),
    lpis=(replace(VILLA.lpis[0], logical_status=LogicalStatus.HISTORICAL, end_date=DIVIDED),),
)  # fmt: skip
FLATS = [
    Blpu(
        200 + number, **PLACE, classification="RD06", start_date=DIVIDED, postcode_locator="E8 1AD",
        lpis=(Lpi(f"5360L00000001{number}", 1, "QUILLFEN STREET", sao=Numbering(number), sao_text="FLAT", pao=Numbering(14), town="LONDON",
                  start_date=DIVIDED),),
    )
    for number in (1, 2)
]  # fmt: skip
ACROSS = Blpu(
    300, 534_418.0, 184_649.0, 51.5447, -0.0629, "E09000033", "RD04", postcode_locator="E8 1AB",
    lpis=(Lpi("5990L000000001", 1, "QUILLFEN STREET", pao=Numbering(99), town="LONDON"),),
)  # fmt: skip
GONE = Blpu(400, **PLACE, classification="RD04", postcode_locator="E8 1AD", lpis=(Lpi("5360L000000020", 1, "MEWS", pao=Numbering(1)),))


def written(data_dir: Path, name: str, *blpus: Blpu) -> str:
    """Build a release of these and make it live; its id."""
    recipe = Recipe(sources=Sources().hashes(), premises={name: "0" * 64})
    write_release(data_dir, recipe, blpus, Sources())
    local.activate(data_dir, recipe.release)
    return recipe.release
