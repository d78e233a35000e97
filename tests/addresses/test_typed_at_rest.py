"""What people typed is sealed in the database, each with a key of its own, and erased when it has served; the facts stay."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from services.addresses.domain.casework.provisional import Provisional, ProvisionalState, reconciled
from services.addresses.domain.casework.reports import Report, ReportKind, Status, decided
from services.addresses.gazetteer.releases.local import activate
from services.addresses.settings import Settings
from services.addresses.store import Store
from services.addresses.workers.erase_typed import Retention
from shared.clock import now
from shared.crypto import Envelope, SealError

SCOPES = "addresses:{0}:write addresses:{0}:read addresses:{0}:decide"
ADDRESS, POSTCODE = "Flat 1, 14 Quillfen Street", "E8 1AD"
TYPED = {"address": ADDRESS, "postcode": POSTCODE, "note": "Ask Flibberta at plot 7", "lines": ["Flat 1", "14 Quillfen"]}
COLLECTIONS = ("provisional", "reports", "typed_keys", "outbox", "outbox_sent", "idempotency")
LONG_AGO = now().replace(microsecond=0) - timedelta(days=91)


@pytest.fixture
async def store(settings):
    opened = await Store(settings(Settings)).start()
    yield opened
    await opened.close()


async def raw(store: Store) -> str:
    """All that the database holds of both, in one text."""
    return str([await store.collection(name).find({}) for name in COLLECTIONS]).casefold()


def waiting(id_: str = "p", **over: Any) -> Provisional:
    return Provisional(id_, "E09000012", ADDRESS, POSTCODE, LONG_AGO, LONG_AGO, ("Flat 1",), "Flibberta", **over)


def report(id_: str = "r", **over: Any) -> Report:
    facts: dict[str, Any] = {"kind": ReportKind.MISSING, "borough": "E09000012", "reported_by": "E09000012", "postcode": "E8 1AD"}
    return Report(id_, created_at=LONG_AGO, changed_at=LONG_AGO, address="14 Quillfen Street", text="Flibberta says", **facts | over)


async def test_the_database_holds_no_typed_text_and_reconciling_reads_it(before_the_division, tokens, two_releases, eventually):
    http, service = before_the_division.http, before_the_division.service
    keeper, officer = tokens.bearer(SCOPES.format("provisional")), tokens.bearer(SCOPES.format("report"))
    once = keeper | {"Idempotency-Key": "0193-4f"}
    kept = (await http.post("/v1/addresses/provisional", json=TYPED, headers=once)).raise_for_status().json()
    assert (await http.post("/v1/addresses/provisional", json=TYPED, headers=once)).json() == kept
    missing = {"kind": "missing", "uprn": "200", "postcode": "E8 1AD", "address": ADDRESS, "text": "Flibberta asked"}
    reported = (await http.post("/v1/addresses/reports", json=missing, headers=officer)).raise_for_status().json()
    assert (await http.get(f"/v1/addresses/provisional/{kept['id']}", headers=keeper)).json()["note"] == TYPED["note"]
    assert (await http.get("/v1/addresses/reports", headers=officer)).json()["items"][0]["text"] == "Flibberta asked"

    activate(service.settings.data_dir, two_releases[2])

    async def both_found() -> Any:
        one = (await http.get(f"/v1/addresses/provisional/{kept['id']}", headers=keeper)).json()
        two = (await http.get(f"/v1/addresses/reports/{reported['id']}", headers=officer)).json()
        return (one["uprn"], one["address"], two["resolved_uprn"], two["address"]) == ("201", ADDRESS, "201", ADDRESS)

    await eventually(both_found, seconds=20)
    held = await raw(service.store)
    assert "quillfen" not in held
    assert "flibberta" not in held
    assert kept["id"] in held


async def test_the_key_of_a_row_opens_no_other_row_and_without_it_nothing_does(store):
    envelope = Envelope(SecretStr(Fernet.generate_key().decode()))
    one, two = envelope.new_key(), envelope.new_key()
    sealed = envelope.seal(one, {"address": "12 Quillfen Street"})
    assert envelope.open(one, sealed) == {"address": "12 Quillfen Street"}
    with pytest.raises(SealError):
        envelope.open(two, sealed)
    with pytest.raises(SealError):
        Envelope(SecretStr(Fernet.generate_key().decode())).open(one, sealed)
    await store.provisional.add(waiting())
    await store.collection("typed_keys").delete_one({"_id": "p"})
    found = await store.provisional.get("p", borough="E09000012")
    assert (found.address, found.lines, found.state) == ("", (), ProvisionalState.WAITING)


async def test_a_new_secret_key_in_front_opens_what_the_old_one_sealed(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before = await Store(settings(Settings, secret_key=SecretStr(old))).start()
    await before.provisional.add(waiting())
    after = await Store(settings(Settings, secret_key=SecretStr(f"{new},{old}"))).start()
    assert await after.provisional.get("p", borough="E09000012") == waiting()
    for opened in (before, after):
        await opened.close()


async def test_withdrawing_erases_the_key_too(before_the_division, tokens):
    http, store = before_the_division.http, before_the_division.service.store
    keeper = tokens.bearer(SCOPES.format("provisional"))
    kept = (await http.post("/v1/addresses/provisional", json=TYPED, headers=keeper)).raise_for_status().json()
    assert await store.collection("typed_keys").count({}) == 1
    (await http.post(f"/v1/addresses/provisional/{kept['id']}/withdraw", headers=keeper)).raise_for_status()
    assert await store.collection("typed_keys").count({}) == 0
    (row,) = await store.collection("provisional").find({})
    assert row["typed"] is None


async def test_what_has_served_is_erased_after_its_days_and_the_facts_stay(store):
    done, _ = reconciled(waiting(), "201", confidence=0.9, release="R", at=LONG_AGO)
    recent, _ = reconciled(waiting("p2"), "201", confidence=0.9, release="R", at=now())
    for kept in (waiting(), waiting("p2"), waiting("p3")):
        await store.provisional.add(kept)
    for kept in (done, recent):
        await store.provisional.save(kept, was=1)
    resolved = decided(report(), Status.RESOLVED, at=LONG_AGO, reason="built", uprn="201")
    accepted = decided(report("r2"), Status.ACCEPTED, at=LONG_AGO)
    for each in (report(), report("r2")):
        await store.reports.add(each)
    for each in (resolved, accepted):
        await store.reports.save(each, was=1)

    retention = Retention(store, 90)
    assert await retention.step() == 2
    assert await retention.step() == 0
    erased = await store.provisional.get("p", borough="E09000012")
    assert (erased.address, erased.postcode, erased.lines, erased.note) == ("", "", (), "")
    assert (erased.state, erased.uprn, erased.confidence, erased.release) == (ProvisionalState.RECONCILED, "201", 0.9, "R")
    assert erased.changed_at == LONG_AGO
    gone = await store.reports.get("r", visible_to="E09000012")
    assert (gone.address, gone.text, gone.postcode, gone.reason, gone.resolved_uprn) == ("", "", "E8 1AD", "built", "201")
    assert {key["_id"] for key in await store.collection("typed_keys").find({})} == {"p2", "p3", "r2"}
    assert (await store.provisional.get("p2", borough="E09000012")).address == ADDRESS
    assert (await store.reports.get("r2", visible_to="E09000012")).text == "Flibberta says"


async def test_rows_of_before_it_was_sealed_are_read_changed_and_then_sealed(store):
    def plain(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in ("typed", "has_served")}

    for name, kept, fields in (
        ("provisional", waiting(), {"address": ADDRESS, "postcode": "E8 1AD", "lines": ["Flat 1"], "note": "Flibberta"}),
        ("reports", report(), {"address": "14 Quillfen Street", "text": "Flibberta says"}),
    ):
        await getattr(store, name).add(kept)
        (row,) = await store.collection(name).find({})
        await store.collection(name).replace_one({"_id": row["_id"]}, plain(row) | fields)
    await store.collection("typed_keys").delete_many({})

    found = await store.provisional.get("p", borough="E09000012")
    assert found.address == ADDRESS
    assert await store.provisional.awaited("p") == found
    after, _ = reconciled(found, "201", confidence=None, release="R", at=now())
    await store.provisional.save(after, was=1)
    assert "quillfen" in await raw(store)

    retention = Retention(store, 90)
    while await retention.step():
        pass
    assert "quillfen" not in await raw(store)
    assert "flibberta" not in await raw(store)
    assert (await store.provisional.get("p", borough="E09000012")).note == "Flibberta"
    assert (await store.reports.get("r", visible_to="E09000012")).text == "Flibberta says"
    assert await Retention(store, 1e-9).step() == 1, "the reconciled one, which is erased at once where nothing is kept"
