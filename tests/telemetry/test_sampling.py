"""The sampled flag of a stored `traceparent`."""

import pytest

from shared import telemetry

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("parent", "sampled"),
    [
        (f"{TRACE}-01", True),
        (f"{TRACE}-03", True),  # sampled, and the trace id is random (Trace Context Level 2)
        (f"{TRACE}-ff", True),
        (f"{TRACE}-00", False),
        (f"{TRACE}-02", False),
        ("", False),
        (None, False),
    ],
)
def test_the_lowest_flag_says_that_a_trace_is_recorded(parent: str | None, sampled: bool) -> None:
    assert telemetry.is_sampled(parent) is sampled
