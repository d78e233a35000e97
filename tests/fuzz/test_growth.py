"""Processor time grows at most in proportion to the input, and no input holds the event loop.

The test fills each slot of each operation of each OpenAPI document with each hostile text: `SMALL` characters first, then as many as fit.
It measures the processor time of the service's process, which a busy machine changes little. It repeats a request above `FLOOR_SECONDS`
with a quarter of the text. Linear work then takes a quarter of the time, quadratic work a sixteenth. The whole text may take at most
`MOST_GROWTH` times as long as the quarter.
"""

import json
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.fuzz.conftest import CITIZEN, Platform
from tests.fuzz.slots import FORM, JSON, SHAPES, Call, Slot, call_of, slots_of, text_of
from tests.fuzz.test_openapi import SERVICES

SMALL = 10_000
FLOOR_SECONDS = 0.1
MOST_GROWTH = 8.0
SECONDS_TO_ANSWER = 60
MOST_HELD_SECONDS = 1.0
"""Maximum processor time of the event loop's thread for one request."""
REPEATS = 3
MOST_FAULTS = 5
"""After this number of faults the test stops for this service."""
REFUSED_FOR_ITS_LENGTH = re.compile(r"string_too_long|too_long|too-many-values|has more than|body-too-large")
"""Statuses from a model's validation; any other may come after a rule has read the whole text."""
METHODS = ("get", "post", "put", "patch", "delete")
MUST_SUCCEED = ("/v2/notifications/email", "/v2/notifications/sms", "/v2/template/{template_id}/preview")
ONE_SHAPE = ("spaces",)
SHORT_SHAPES = ("spaces", "words and hyphens", "digits", "accents", "quotes")
"""Size for parameters, whose texts are short."""
A_SQUARE = [[[530000, 180000], [530100, 180000], [530100, 180100], [530000, 180000]]]


class Service:
    """A service of the platform, and the processor time of its process."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.name, self.platform = name, platform
        self.http = httpx.Client(base_url=platform.ready["urls"][name], timeout=SECONDS_TO_ANSWER)
        self._pid = platform.ready["processes"][name][0]
        self.document: dict[str, Any] = self.http.get("/openapi.json").json()

    def calls(self) -> list[Call]:
        existing, known = self.platform.existing.get(self.name, {}), known_bodies(self.platform)
        return [
            call_of(self.document, path, method, existing, known.get(path))
            for path, operations in self.document["paths"].items()
            for method in METHODS
            if method in operations
        ]

    def used(self) -> tuple[float, float]:
        """Return seconds of processor time: of the main thread, which runs the event loop, and of all threads."""
        tasks = Path(f"/proc/{self._pid}/task")
        if not tasks.exists():
            times = psutil.Process(self._pid).cpu_times()
            return (times.user + times.system,) * 2
        each = {}
        for task in tasks.iterdir():
            try:
                each[task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
            except OSError:  # the thread has ended
                continue
        return each.get(str(self._pid), 0.0), sum(each.values())

    def ask(self, call: Call) -> tuple[httpx.Response, float, float]:
        """Send a call; return the answer and the processor seconds of the event loop's thread and of all threads."""
        for _ in range(20):
            held, all_ = self.used()
            answer = self._send(call)
            held_after, all_after = self.used()
            if answer.status_code != 429:
                return answer, held_after - held, all_after - all_
            time.sleep(min(5.0, float(answer.headers["retry-after"])))
        raise AssertionError(f"{call.method} {call.path} answers 429 again and again")

    def _send(self, call: Call) -> httpx.Response:
        path = call.path
        for name, value in call.parameters["path"].items():
            path = path.replace(f"{{{name}}}", _quoted(value))
        headers = {name: _for_header(value) for name, value in call.parameters["header"].items()}
        headers |= self.platform.credentials.headers(self.name, call.path)
        content: dict[str, Any] = {}
        if call.media_type == FORM:
            content = {"data": call.body}
        elif call.media_type == JSON:
            content = {"content": json.dumps(call.body).encode()}
        elif call.media_type:
            content = {"content": str(call.body).encode()}
        headers |= {"Content-Type": call.media_type} if call.media_type else {}
        return self.http.request(call.method, path, params=call.parameters["query"], headers=headers, **content)


def _quoted(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9._~-]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), value)


def _for_header(value: str) -> str:
    return re.sub(r"[^ -~]", "x", value)


def known_bodies(platform: Platform) -> Mapping[str, dict[str, Any]]:
    """Return valid values of bodies, so that a service does not refuse a text for other fields."""
    templates, notifications = platform.ready["notifications"]["templates"], platform.ready["notifications"]
    headers = platform.credentials.headers("notifications", "/v2/templates")
    known = httpx.get(f"{platform.ready['urls']['notifications']}/v2/templates", headers=headers, timeout=20).json()["templates"]
    values = {"personalisation": {name: "A" for template in known for name in template["personalisation"]} | {"other": ["a"]}}
    return {
        "/v2/notifications/email": {
            "template_id": templates["email"],
            "email_address": CITIZEN,
            "sanitise_content_for": ["name"],
            "one_click_unsubscribe_url": "https://a.example/",
            "email_reply_to_id": None,
            **values,
        },
        "/v2/notifications/sms": {"template_id": templates["sms"], "phone_number": "07700900123", "sms_sender_id": None, **values},
        "/v2/template/{template_id}/preview": {"id": templates["email"], **values},
        "/v1/templates": {"service": notifications["service_id"], "type": "email"},
        "/search/places/v1/polygon": {"type": "Polygon", "coordinates": A_SQUARE},
        "/v1/shares": {"agreement": "council-tax-moves-camden-hackney", "items": {"given_name": "Ada"}},
    }


def measured(service: Service, call: Call, slot: Slot, shape: str, size: int) -> tuple[httpx.Response, float, float]:
    """Send the call `REPEATS` times; return the least processor times."""
    turns = [service.ask(slot.filled(call, text_of(shape, size))) for _ in range(REPEATS)]
    return turns[-1][0], min(held for _, held, _ in turns), min(all_ for _, _, all_ in turns)


def fault(service: Service, call: Call, slot: Slot, shape: str, size: int) -> str | None:
    """Return what is wrong with the processor time for a text of this size, or None."""
    try:
        answer, held, all_ = service.ask(slot.filled(call, text_of(shape, size)))
    except httpx.TimeoutException:
        return f"is not answered within {SECONDS_TO_ANSWER} s with {size} characters"
    if answer.status_code >= 500 and answer.status_code != 503:
        return f"answers {answer.status_code}"
    if all_ <= FLOOR_SECONDS:
        return None
    _, held, whole = measured(service, call, slot, shape, size)
    if held > MOST_HELD_SECONDS:
        return f"holds the event loop for {held:.2f} s with {size} characters"
    _, _, quarter = measured(service, call, slot, shape, size // 4)
    if whole > FLOOR_SECONDS and whole > MOST_GROWTH * quarter:
        return f"takes {quarter:.3f} s with {size // 4} characters and {whole:.3f} s with {size}"
    return None


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SERVICES)
def test_work_grows_no_faster_than_what_is_sent(platform: Platform, name: str) -> None:
    service = Service(platform, name)
    calls = service.calls()
    places = [(call, slot) for call in calls for slot in slots_of(call, service.document)]
    for call in calls:
        if call.path in MUST_SUCCEED:  # the service would refuse a text beside an invalid field unread
            answer, _, _ = service.ask(call)
            assert answer.is_success, f"{call.path}: {answer.text}"
    faults: list[str] = []
    asked = 0
    for call, slot in places:
        for shape in _shapes(service, call, slot):
            sizes = [min(SMALL, slot.most)] + ([slot.most] if slot.most > SMALL else [])
            found = next(filter(None, (fault(service, call, slot, shape, size) for size in sizes)), None)
            asked += 1
            if found:
                faults.append(f"{call.method} {call.path} {slot.name}, {shape}: {found}")
                break
        if len(faults) >= MOST_FAULTS:
            break
    assert not faults, "\n".join(faults)
    assert asked > len(calls) / 2


def _shapes(service: Service, call: Call, slot: Slot) -> Iterable[str]:
    """Return the shapes to try: one is enough where length or number of values alone decides."""
    answer, _, _ = service.ask(slot.filled(call, "x" * slot.most))
    refused = answer.status_code in (400, 413, 414, 422, 431) and REFUSED_FOR_ITS_LENGTH.search(answer.text)
    return ONE_SHAPE if refused or "(many" in slot.name else SHAPES if slot.name.startswith(("body", "form")) else SHORT_SHAPES
