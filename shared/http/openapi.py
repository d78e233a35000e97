"""The OpenAPI document of an application: FastAPI's, completed with scopes, failures and error schemas.

FastAPI knows parameters, bodies and successes. The chassis adds the scopes of `require(...)`, the surface's error schema, the failures that
the function's source shows (`shared.http.failures`), and `Route`'s limits and `Idempotency-Key`.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel

from shared.http.errors import ErrorShape, as_problem
from shared.http.failures import FailureReader, Failures
from shared.http.problems import CATALOGUE
from shared.http.router import Route
from shared.idempotency import MAX_KEY

Schema = dict[str, Any]
E = TypeVar("E", bound=ErrorShape)
_PLAIN = {"title", "description", "type", "anyOf", "default"}
"""Keywords of a string parameter's schema that bound no text."""
_HEADERS = {
    401: ("WWW-Authenticate", "The challenge (RFC 6750, section 3)."),
    429: ("Retry-After", "Seconds to wait."),
    503: ("Retry-After", "Seconds to wait."),
}


@dataclass(frozen=True)
class SurfaceDocument:
    """Describes a surface's errors and credentials."""

    name: str
    """The name of the error schema in the document."""
    schema: Schema
    media_types: tuple[str, ...] = ("application/json",)
    always: Mapping[int, str] = field(default_factory=dict)
    """Statuses that every operation may answer with beside those in its source, with their descriptions."""
    security: Mapping[str, Schema] = field(default_factory=dict)
    """Security schemes by name; each operation needs all of them."""
    takes_idempotency_key: bool = True
    description: str = ""
    """The description of the surface's tag; if empty, the first sentence of its first route's module."""


PROBLEM = SurfaceDocument(
    "Problem",
    {
        "type": "object",
        "title": "Problem",
        "description": "Problem details (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "Leads to a page about it, or `about:blank`."},
            "title": {"type": "string"},
            "status": {"type": "integer", "description": "The HTTP status again."},
            "detail": {"type": "string", "description": "What is wrong with this request, in words."},
            "errors": {
                "type": "array",
                "description": "The inputs at fault.",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {
                        "field": {"type": "string", "examples": ["body.postcode", "query.limit"]},
                        "message": {"type": "string"},
                        "kind": {"type": "string", "description": "The kind of validation error, for programs."},
                    },
                },
            },
            "trace_id": {"type": "string", "description": "W3C trace id: give it to the operator with a question."},
        },
    },
    ("application/problem+json",),
)
_documents: dict[ErrorShape, SurfaceDocument] = {as_problem: PROBLEM}


def documented_as(document: SurfaceDocument) -> Callable[[E], E]:
    """Decorates an error shape with the description of its surface."""

    def keep(shape: E) -> E:
        _documents[shape] = document
        return shape

    return keep


class Application(FastAPI):
    """FastAPI with the completed document. `issuer` is the address of the identity service."""

    def __init__(self, issuer: str, **options: Any) -> None:
        super().__init__(**options)
        self._issuer = issuer.rstrip("/")
        self._completed: Schema | None = None

    def openapi(self) -> Schema:
        """Make the document at the first call, and again after an added route."""
        document = super().openapi()
        if document is not self._completed:
            routes = [route for route in iter_route_contexts(self.routes) if isinstance(route.original_route, APIRoute)]
            _Completion(document, self._issuer).complete(routes)
            self._completed = document
        return document


class _Completion:
    def __init__(self, document: Schema, issuer: str) -> None:
        self._document, self._issuer = document, issuer
        self._reader = FailureReader()
        self._components: Schema = document.setdefault("components", {})
        self._schemas: Schema = self._components.setdefault("schemas", {})
        self._schemes: Schema = {}
        self._scopes: dict[str, list[str]] = {}
        self._tags: dict[str, str] = {}

    def complete(self, routes: list[RouteContext]) -> None:
        for route in routes:
            if route.include_in_schema:
                for method in sorted(route.methods or ()):
                    operation = self._document["paths"][route.path_format][method.lower()]
                    self._complete_operation(operation, route, method)
        for name in ("HTTPValidationError", "ValidationError"):
            self._schemas.pop(name, None)
        declared = self._components.pop("securitySchemes", {})
        declared.pop("HTTPBearer", None)
        if schemes := {**declared, **self._schemes, **self._oauth2()}:
            self._components["securitySchemes"] = schemes
        for empty in [name for name, content in self._components.items() if not content]:
            del self._components[empty]
        if self._tags:
            self._document["tags"] = [{"name": name, "description": text} for name, text in self._tags.items()]

    def _complete_operation(self, operation: Schema, route: RouteContext, method: str) -> None:
        surface = _documents.get(getattr(route.original_route, "shape", as_problem), PROBLEM)
        failures = self._reader.of(route.dependant)
        if route.summary is None:
            operation["summary"] = _summary(operation.get("description", ""), route.name or "")
        for tag in operation.get("tags", ()):
            module = sys.modules[route.endpoint.__module__].__doc__ or ""
            self._tags.setdefault(tag, _summary(module, tag, longest=300))
            if surface.description:
                self._tags[tag] = surface.description
        self._secure(operation, route.dependant, surface, f"{method} {route.path_format}")
        is_unit_of_work = isinstance(route.original_route, Route) and method not in ("GET", "HEAD")
        takes_key = surface.takes_idempotency_key and failures.transacts and is_unit_of_work
        if takes_key:
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        self._add_chassis_failures(failures, operation, route, takes_key=takes_key)
        self._respond(operation, failures, surface)

    def _secure(self, operation: Schema, dependant: Dependant, surface: SurfaceDocument, call: str) -> None:
        scopes = sorted({scope for each in _calls(dependant) for scope in getattr(each, "scopes", ())})
        security = [each for each in operation.pop("security", []) if "HTTPBearer" not in each]
        if scopes:
            security.append({"oauth2": scopes})
        if surface.security:
            self._schemes |= surface.security
            security.append({name: [] for name in surface.security})
        if security:
            operation["security"] = security
        if scopes:
            needed = " ".join(f"`{scope}`" for scope in scopes)
            operation["description"] = f"{operation.get('description', '')}\n\nScope: {needed}".strip()
        for scope in scopes:
            self._scopes.setdefault(scope, []).append(call)
        named = {name for each in security for name in each}
        self._schemes |= {name: scheme for name, scheme in _known_schemes(self._issuer).items() if name in named}

    def _add_chassis_failures(self, failures: Failures, operation: Schema, route: RouteContext, *, takes_key: bool) -> None:
        if _can_be_wrong(operation, route):
            failures.add(400, "invalid-input")
        if "requestBody" in operation:
            failures.add(413, "body-too-large")
        if route.body_field is not None and not isinstance(route.body_field.field_info, params.Form):
            failures.add(415, "unsupported-media-type")
        if takes_key:
            failures.add(400, "invalid-input")
            failures.add(409, "idempotency-in-flight")
            failures.add(422, "idempotency-key-reused")
        if failures.transacts:
            failures.add(409, "conflict")
        if failures.asks_database or any("oauth2" in each for each in operation.get("security", ())):
            failures.add(503, "unavailable")

    def _respond(self, operation: Schema, failures: Failures, surface: SurfaceDocument) -> None:
        responses: Schema = operation["responses"]
        for media in [media for response in responses.values() for media in response.get("content", {}).values()]:
            if "$ref" in media.get("schema", {}):  # FastAPI merges a model of `responses` with the annotation's schema
                media["schema"] = {"$ref": media["schema"]["$ref"]}
        if "HTTPValidationError" in str(responses.get("422")):
            del responses["422"]
        described = {status: _described(status, kinds) for status, kinds in failures.by_status.items()}
        content = {media: {"schema": {"$ref": f"#/components/schemas/{surface.name}"}} for media in surface.media_types}
        for status, description in {**surface.always, **described}.items():
            response = responses.setdefault(str(status), {"description": description})
            response.setdefault("content", content)
            if status in _HEADERS:
                name, meaning = _HEADERS[status]
                response.setdefault("headers", {name: {"description": meaning, "schema": {"type": "string"}}})
            self._schemas[surface.name] = surface.schema
        operation["responses"] = dict(sorted(responses.items()))

    def _oauth2(self) -> Schema:
        if not self._scopes:
            return {}
        scopes = {scope: "For " + ", ".join(sorted(set(calls))) for scope, calls in sorted(self._scopes.items())}
        return {
            "oauth2": {
                "type": "oauth2",
                "description": "An access token of the identity service (RFC 9068), for this service alone.",
                "flows": {
                    "clientCredentials": {"tokenUrl": f"{self._issuer}/token", "scopes": scopes},
                    "authorizationCode": {
                        "authorizationUrl": f"{self._issuer}/authorize",
                        "tokenUrl": f"{self._issuer}/token",
                        "scopes": scopes,
                    },
                },
            }
        }


_BASIC = {"type": "http", "scheme": "basic", "description": "Client id and secret (RFC 6749, section 2.3.1)."}


def _known_schemes(issuer: str) -> dict[str, Schema]:
    """Security schemes that a route may name in `openapi_extra`."""
    return {
        "openIdConnect": {"type": "openIdConnect", "openIdConnectUrl": f"{issuer}/.well-known/openid-configuration"},
        "clientSecretBasic": _BASIC,
    }


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Makes a repeat safe: the request takes effect once for this key and caller, and a repeat gets the first reply again with "
        "`Idempotency-Replayed: true`. Use a UUID."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
}


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _can_be_wrong(operation: Schema, route: RouteContext) -> bool:
    """Whether FastAPI may refuse the input: a body, a required parameter, or one that does not accept every text."""
    validated = [*route.dependant.query_params, *route.dependant.path_params, *route.dependant.header_params, *_validated(route.dependant)]
    names = {each.alias for each in validated}
    parameters = [each for each in operation.get("parameters", ()) if each["name"] in names]
    if route.body_field is not None or any(_is_model(each.field_info.annotation) for each in validated):
        return True
    return any((each["in"] != "path" and each.get("required")) or not _is_any_text(each["schema"]) for each in parameters)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _validated(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield from (*each.query_params, *each.path_params, *each.header_params)
        yield from _validated(each)


def _is_any_text(schema: Schema) -> bool:
    types = [option.get("type") for option in schema.get("anyOf", [schema])]
    bounded = [option for option in schema.get("anyOf", ()) if set(option) - {"type"}]
    return set(types) <= {"string", "null"} and not set(schema) - _PLAIN and not bounded


def _summary(text: str, name: str, longest: int = 120) -> str:
    """The first sentence of a docstring, or the name in words if the sentence is long."""
    first = re.split(r"(?<=[^.])\.(?:\s|$)|\n\n|:\n", " ".join(text.partition("\n\n")[0].split()), maxsplit=1)[0].strip()
    words = name.replace("_", " ").strip()
    return first if 0 < len(first) <= longest else words[:1].upper() + words[1:]


def _described(status: int, kinds: set[str]) -> str:
    known = [f"`{kind}`: {CATALOGUE[kind].title}." for kind in sorted(kinds) if kind in CATALOGUE]
    return " ".join(known) or HTTPStatus(status).phrase
