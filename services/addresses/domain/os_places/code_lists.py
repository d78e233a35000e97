"""Descriptions of AddressBase's codes, for the `_DESCRIPTION` fields of OS Places (OS AddressBase Premium technical specification)."""

from services.addresses.domain.addressbase.records import LogicalStatus
from services.addresses.domain.geography.boroughs import BOROUGHS, BY_CUSTODIAN

STATUS = {
    LogicalStatus.APPROVED: "APPROVED",
    LogicalStatus.ALTERNATIVE: "ALTERNATIVE",
    LogicalStatus.PROVISIONAL: "PROVISIONAL",
    LogicalStatus.HISTORICAL: "HISTORICAL",
}
BLPU_STATE = {
    1: "Under construction",
    2: "In use",
    3: "Unoccupied / Vacant / Derelict",
    4: "No longer existing",
    6: "Planning permission granted",
}
NO_BLPU_STATE = "Unknown/Not applicable"
COUNTRY = {
    "E": "This record is within England",
    "W": "This record is within Wales",
    "S": "This record is within Scotland",
    "N": "This record is within Northern Ireland",
    "L": "This record is within Channel Islands",
    "M": "This record is within Isle of Man",
    "J": "This record is not assigned to a country as it falls outside of the land boundaries used",
}
POSTAL_ADDRESS = {
    "D": "A record which is linked to PAF",
    "C": "A record which is postal and has a parent record which is linked to PAF",
    "L": "A record which is identified as postal based on Local Authority information",
    "N": "Not a postal address",
}
STREET_STATE = {"1": "Under construction", "2": "Open", "4": "Permanently closed", "5": "Street for addressing purposes only"}
STREET_CLASSIFICATION = {
    "4": "Pedestrian way or footpath",
    "6": "Cycletrack or cycleway",
    "8": "All vehicles",
    "9": "Restricted byway",
    "10": "Bridleway",
}
_WESTMINSTER = 5990
_ORDNANCE_SURVEY = 7655


def custodian(code: int, borough: str) -> tuple[int, str]:
    """Returns LOCAL_CUSTODIAN_CODE and its description.

    A `code` of 0 takes the custodian code of the borough. The description is empty for an unknown code.
    """
    if not code and borough in BOROUGHS:
        code = BOROUGHS[borough].custodian
    if code == _WESTMINSTER:
        return code, "CITY OF WESTMINSTER"
    if code == _ORDNANCE_SURVEY:
        return code, "ORDNANCE SURVEY"
    return code, BY_CUSTODIAN[code].name.upper() if code in BY_CUSTODIAN else ""
