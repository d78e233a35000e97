"""OpenAPI description of the parameters of OS Places; `domain.os_places.parameters` parses them."""

from typing import Any

from services.addresses.domain.geography.crs import Crs
from services.addresses.domain.os_places.parameters import DEFAULT_RADIUS, LEAST_RADIUS, MOST_OFFSET, MOST_RADIUS, MOST_RESULTS

_SYSTEM = {"type": "string", "enum": list(Crs), "default": Crs.EPSG_27700.value}
_PARAMETERS: dict[str, tuple[bool, dict[str, Any], str]] = {
    "query": (True, {"type": "string"}, "An address or parts of one, in any order"),
    "minmatch": (False, {"type": "number", "minimum": 0.1, "maximum": 1}, "Leave out results with a lower MATCH"),
    "matchprecision": (False, {"type": "integer", "minimum": 1, "maximum": 10, "default": 1}, "Decimals of MATCH"),
    "postcode": (True, {"type": "string"}, "A postcode or the beginning of one, at least its area and a digit"),
    "uprn": (True, {"type": "string", "pattern": "^[0-9]{1,12}$"}, "Unique Property Reference Number"),
    "point": (True, {"type": "string"}, "Easting,northing in metres, or latitude,longitude in degrees"),
    "radius": (
        False,
        {"type": "number", "minimum": LEAST_RADIUS, "maximum": MOST_RADIUS, "default": DEFAULT_RADIUS},
        "Metres",
    ),
    "bbox": (True, {"type": "string"}, "Lower left and upper right corner, in the order of `point`; at most 1 km2"),
    "referencepoint": (False, {"type": "string"}, "Nearest to it first; as `point`"),
    "srs": (False, _SYSTEM, "System of the coordinates in the request"),
    "output_srs": (False, _SYSTEM, "System of LNG and LAT in the answer, which one in the National Grid leaves out"),
    "format": (False, {"type": "string", "enum": ["JSON", "XML"], "default": "JSON"}, "Of the answer, errors included"),
    "dataset": (False, {"type": "string", "default": "DPA"}, "DPA, LPI, or both with a comma between them"),
    "lr": (False, {"type": "string", "default": "EN,CY"}, "Languages of addresses: EN, CY, or both"),
    "fq": (
        False,
        {"type": "array", "items": {"type": "string"}},
        "CLASSIFICATION_CODE (RD* for all that begin so), LOGICAL_STATUS_CODE, LPI_LOGICAL_STATUS_CODE, COUNTRY_CODE; a space means or",
    ),
    "maxresults": (False, {"type": "integer", "minimum": 1, "maximum": MOST_RESULTS, "default": MOST_RESULTS}, "Results of one answer"),
    "offset": (False, {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0}, "Results to leave out"),
}
_POLYGON = {
    "type": "object",
    "description": "GeoJSON: a Polygon or MultiPolygon, or a Feature of one. Coordinates are in the order of `point`.",
    "required": ["type"],
    "properties": {"type": {"type": "string"}, "geometry": {"type": "object"}, "coordinates": {"type": "array"}},
}
_ANSWER = {
    "type": "object",
    "required": ["header"],
    "properties": {
        "header": {"type": "object"},
        "results": {
            "type": "array",
            "items": {"type": "object", "properties": {"DPA": {"type": "object"}, "LPI": {"type": "object"}}},
            "description": "Absent where nothing was found",
        },
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["statuscode", "message"],
            "properties": {"statuscode": {"type": "integer"}, "message": {"type": "string"}},
        }
    },
}
_XML: dict[str, Any] = {"schema": {"type": "string"}}


def documented(*own: str, paged: bool = False, polygon: bool = False) -> dict[str, Any]:
    """Build the OpenAPI operation of a resource: its own parameters, the shared ones, its body and its responses."""
    shared = ["output_srs", "format", "dataset", "lr", "fq", *(["maxresults", "offset"] if paged else [])]
    find = "query" in own
    parameters = []
    for name in (*own, *shared):
        required, schema, description = _PARAMETERS[name]
        if name == "bbox" and find:
            required, description = False, "Results in this box of the National Grid only"
        parameters.append({"in": "query", "name": name, "required": required, "schema": schema, "description": description})
    responses = {"200": {"description": "Addresses", "content": {"application/json": {"schema": _ANSWER}, "application/xml": _XML}}}
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": _POLYGON}}}} if polygon else {}
    return {"parameters": parameters, "responses": responses, **body}
