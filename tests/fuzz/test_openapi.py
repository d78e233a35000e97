"""No request, documented or not, makes a service fail, and the document describes every answer.

`BLOCKS_FUZZ_EXAMPLES` sets the number of generated requests for each operation (default 8). Where a path names something, every other
request names something that exists, so that the operation is reached behind its 404.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from .conftest import Platform

SERVICES = ("addresses", "data_sharing", "identity", "move_home", "notifications", "portal")
EXAMPLES = int(os.environ.get("BLOCKS_FUZZ_EXAMPLES", "8"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
"""Checks that status, media type and body of every answer are documented."""
BEFORE_ANY_OPERATION = {408, 414, 421, 431}
"""Statuses that a connection sends before routing; each document's introduction lists them."""
SEED = 2026
LIMITS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


def operations(url: str) -> Iterator[Any]:
    """Return the operations of a running service's document."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), f"an operation of {url} cannot be read: {result}"
        yield result.ok()


def check(operation: Any, platform: Platform, service: str, mode: GenerationMode) -> Counter[int]:
    """Send what schemathesis makes up for one operation, as documented or (negative) not; how often each status was answered."""
    answers: Counter[int] = Counter()
    failed: dict[str, None] = {}
    existing = platform.existing.get(service, {})

    def send(case: Any) -> None:
        if answers.total() % 2 and case.path_parameters:
            case.path_parameters = {name: existing.get(name, value) for name, value in case.path_parameters.items()}
        headers = platform.credentials.headers(service, case.path)
        if "key" in headers and mode is GenerationMode.POSITIVE and case.query:
            case.query.pop("key", None)  # a generated one, which would override the valid one
        try:
            response = case.call(headers=headers, timeout=60)
            answers[response.status_code] += 1
            case.validate_response(response, checks=[not_a_server_error] if response.status_code in BEFORE_ANY_OPERATION else CHECKS)
        except Exception as failure:  # noqa: BLE001 (Hypothesis would send it again, and report that the second answer differed)
            failed.setdefault(_told(failure))

    run: Callable[[], None] = seed(SEED)(LIMITS(given(operation.as_strategy(generation_mode=mode))(send)))
    with suppress(Unsatisfiable):  # an operation without input has no undocumented call
        run()
    assert not failed, "\n".join(failed)
    return answers


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as documented", "not as documented"])
@pytest.mark.parametrize("service", SERVICES)
def test_no_request_makes_a_service_fail(platform: Platform, service: str, mode: GenerationMode) -> None:
    failures, reached = [], 0
    for operation in operations(platform.ready["urls"][service]):
        try:
            answers = check(operation, platform, service, mode)
        except BaseException as failure:  # noqa: BLE001 (a group of failures; the report covers all operations)
            failures.append(f"{operation.label}: {_told(failure)}")
        else:
            if mode is GenerationMode.POSITIVE:  # the negative mode sometimes omits the credentials
                assert 401 not in answers, f"{operation.label} was asked without the right credentials: {answers}"
                assert answers, f"{operation.label} was not asked at all"
            reached += answers.total()
    assert not failures, "\n\n".join(failures)
    assert reached, "nothing was sent"


def _told(failure: BaseException) -> str:
    if isinstance(failure, BaseExceptionGroup):
        return "\n".join(_told(one) for one in failure.exceptions)
    return str(failure)[:1500]
