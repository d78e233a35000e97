"""No request waits for a thread: FastAPI runs every synchronous dependency in one, at 200 microseconds each."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter

from deploy.contracts.apps import service_names

PACKAGES = [*(f"services.{name}" for name in service_names()), "examples.move_home"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_dependency_of_a_route_is_asynchronous(package):
    routes = list(_routes(package))
    assert routes, "the routes are where they are looked for"
    blocking = {
        f"{route.path}: {getattr(call, '__qualname__', call)}"
        for route in routes
        for call in _calls(route.dependant)
        if not (inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None)))  # noqa: B004
    }
    assert blocking == set()


def _routes(package: str) -> Iterator[APIRoute]:
    api = import_module(f"{package}.api")
    for module in [api, *(import_module(found.name) for found in pkgutil.walk_packages(api.__path__, f"{api.__name__}."))]:
        for router in vars(module).values():
            if isinstance(router, APIRouter):
                yield from (route for route in router.routes if isinstance(route, APIRoute))


def _calls(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)
