"""How the function of a route without a body gets its arguments: a plan, made once when the route is.

FastAPI works its dependencies out anew for each request, by recursion, with room for bodies, generators, overrides and background
tasks: half of what a small GET takes. Here the dependencies are laid out in the order in which FastAPI calls them, each once;
parameters are validated by FastAPI's own fields, after the dependencies as there. What a plan cannot hold stays with FastAPI.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from shared.http.parameters import Parameters

Read = Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[Any]]]


@dataclass(frozen=True, slots=True)
class _Step:
    """One call: of a dependency, and at the end of the route's function."""

    call: Any
    request: str | None
    """The name of its parameter that takes the request."""
    takes: Sequence[tuple[str, int]]
    """The names of those that take what an earlier step gave, with that step's place."""

    @classmethod
    def of(cls, dependant: Dependant, steps: Sequence["_Step"]) -> Self:
        """Its dependencies are among the steps."""
        places = {id(step.call): place for place, step in enumerate(steps)}
        takes = [(each.name, places[id(each.call)]) for each in dependant.dependencies if each.name]
        return cls(dependant.call, dependant.request_param_name, takes)

    def arguments(self, request: Request, given: Sequence[Any]) -> dict[str, Any]:
        """What it is called with, parameters left out."""
        arguments = {name: given[place] for name, place in self.takes}
        if self.request:
            arguments[self.request] = request
        return arguments


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps before a route's function, the function, and its parameters."""

    steps: Sequence[_Step]
    function: _Step
    parameters: Sequence[tuple[str, Read]]
    """The attribute of a Starlette request that they are in, and what reads them; in the order in which errors are told."""

    @classmethod
    def of(cls, dependant: Dependant) -> Self | None:
        """The plan of a route's function; None where it takes more than parameters, the request, and what coroutines give."""
        steps: list[_Step] = []
        if dependant.body_params or not _is_plain(dependant) or not all(_lay_out(each, steps) for each in dependant.dependencies):
            return None
        parameters = (
            ("path_params", dependant.path_params),
            ("query_params", dependant.query_params),
            ("headers", dependant.header_params),
            ("cookies", dependant.cookie_params),
        )
        return cls(steps, _Step.of(dependant, steps), [(place, _reading(fields)) for place, fields in parameters if fields])

    async def run(self, request: Request) -> Any:
        """What the function gives. Raises `RequestValidationError` for parameters, and whatever dependencies and function raise."""
        given: list[Any] = []
        for step in self.steps:
            given.append(await step.call(**step.arguments(request, given)))
        arguments = self.function.arguments(request, given)
        errors: list[Any] = []
        for place, read in self.parameters:
            values, wrong = read(getattr(request, place))
            arguments.update(values)
            errors += wrong
        if errors:
            raise RequestValidationError(errors)
        return await self.function.call(**arguments)


def _reading(fields: Sequence[Any]) -> Read:
    plain = Parameters.of(fields)
    return plain.read if plain else partial(request_params_to_args, fields)


def _lay_out(dependant: Dependant, steps: list[_Step]) -> bool:
    """Put a dependency behind what it needs, unless it is there. Gives False where it is more than a plan can hold."""
    parameters = (dependant.path_params, dependant.query_params, dependant.header_params, dependant.cookie_params, dependant.body_params)
    if any(parameters) or dependant.scope or not dependant.use_cache or not _is_plain(dependant):
        return False
    if not all(_lay_out(each, steps) for each in dependant.dependencies):
        return False
    if all(step.call is not dependant.call for step in steps):
        steps.append(_Step.of(dependant, steps))
    return True


def _is_plain(dependant: Dependant) -> bool:
    """Whether it is a coroutine function, and takes nothing that FastAPI makes for it."""
    made_for_it = (
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
        dependant.own_oauth_scopes,
        dependant.parent_oauth_scopes,
        dependant.concurrency,
    )
    call = dependant.call
    if any(made_for_it) or inspect.isclass(call):
        return False
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004
