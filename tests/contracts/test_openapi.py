"""The OpenAPI documents describe what the services do: errors and their format, authorisation, idempotency."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.contracts import http
from deploy.contracts.apps import build_services

DOCUMENTS = {path.removeprefix("openapi/").removesuffix(".json"): document for path, document in http.openapi().items()}
OPERATIONS = [
    pytest.param(name, operation, id=f"{name} {method.upper()} {path}")
    for name, document in DOCUMENTS.items()
    for path, methods in document["paths"].items()
    for method, operation in methods.items()
]
ERROR_SCHEMAS = {"Problem", "NotifyError", "PlacesError", "PostcodesIoError", "OAuthError", "Page"}


def operation(service: str, method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENTS[service]["paths"][path][method]
    return found


def scopes(of: dict[str, Any]) -> set[str]:
    return {scope for each in of.get("security", ()) for scope in each.get("oauth2", ())}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_says_what_it_is_and_every_reference_leads_somewhere(name):
    document = DOCUMENTS[name]
    assert all(document["info"][field] for field in ("title", "description", "version", "contact", "license"))
    assert "HTTPValidationError" not in str(document)
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert {tag for methods in document["paths"].values() for each in methods.values() for tag in each["tags"]} <= described
    for reference in references(document):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in found, reference
            found = found[part]


@pytest.mark.parametrize(("name", "each"), OPERATIONS)
def test_every_error_has_the_form_in_which_it_comes(name, each):
    assert each["summary"]
    for status, response in each["responses"].items():
        if status[0] not in "45":
            continue
        assert response["content"], status
        for media_type, media in response["content"].items():
            schema = media["schema"]["$ref"].rpartition("/")[2]
            assert schema in ERROR_SCHEMAS
            assert (media_type == "application/problem+json") == (schema == "Problem")


@pytest.mark.parametrize(("name", "each"), OPERATIONS)
def test_an_operation_with_credentials_says_which_and_what_is_answered_without(name, each):
    schemes = DOCUMENTS[name]["components"].get("securitySchemes", {})
    for needed in each.get("security", ()):
        assert needed.keys() <= schemes.keys()
        assert "401" in each["responses"]
    known = schemes.get("oauth2", {}).get("flows", {}).get("clientCredentials", {}).get("scopes", {})
    assert scopes(each) <= known.keys()
    if scopes(each):
        assert "403" in each["responses"]


def test_scopes_are_those_that_the_routes_require():
    assert scopes(operation("data_sharing", "post", "/v1/agreements/{ref}/sign")) == {"data_sharing:agreement:sign"}
    assert scopes(operation("addresses", "get", "/search/places/v1/find")) == {"addresses:address:read"}
    assert {"api-key": []} in operation("addresses", "get", "/search/places/v1/find")["security"]
    assert operation("notifications", "post", "/v2/notifications/sms")["security"] == [{"notifyToken": []}]
    assert "security" not in operation("addresses", "get", "/postcodes/{postcode}")


def test_failures_are_those_that_the_functions_raise():
    described = {
        status: each["description"] for status, each in operation("data_sharing", "post", "/v1/agreements/{ref}/sign")["responses"].items()
    }
    assert {"404", "409", "412"} <= described.keys()
    assert {"changed-meanwhile", "not-found", "another-text"} <= {
        word for text in described.values() for word in re.findall("`([a-z-]+)`", text)
    }
    assert "404" not in operation("data_sharing", "get", "/v1/inbox")["responses"]
    assert operation("addresses", "get", "/postcodes/{postcode}/validate")["responses"].keys() == {"200"}, "no input is wrong there"


def test_the_idempotency_key_is_documented_where_it_has_an_effect():
    def takes_key(of: dict[str, Any]) -> bool:
        return any(parameter["name"] == "Idempotency-Key" for parameter in of.get("parameters", ()))

    assert takes_key(operation("notifications", "post", "/v2/notifications/email"))
    assert takes_key(operation("move_home", "post", "/api/moves"))
    assert takes_key(operation("addresses", "post", "/v1/addresses/reports"))
    assert not takes_key(operation("addresses", "post", "/v1/addresses/match")), "it changes nothing"
    assert not takes_key(operation("identity", "post", "/token"))
    assert "422" in operation("move_home", "post", "/api/moves")["responses"]


def test_replies_and_forms_of_compatible_surfaces_are_typed():
    reply = operation("notifications", "post", "/v2/notifications/email")["responses"]["201"]["content"]["application/json"]["schema"]
    assert reply == {"$ref": "#/components/schemas/AcceptedEmail"}
    form = operation("identity", "post", "/token")["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert {"grant_type", "scope", "code", "redirect_uri", "code_verifier", "client_assertion"} <= form["properties"].keys()


def test_the_document_says_that_smoke_test_recipients_get_nothing():
    (notify,) = [tag for tag in DOCUMENTS["notifications"]["tags"] if tag["name"] == "GOV.UK Notify v2"]
    assert "07700 900111" in notify["description"]


def test_a_document_is_given_by_every_service_that_has_routes():
    assert {service.name for service in build_services() if service.app.openapi()["paths"]} == DOCUMENTS.keys()
