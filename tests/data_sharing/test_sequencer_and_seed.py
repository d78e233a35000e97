"""Work beside the API: sequencers that race for the same entries, and repeated loads of the seed data."""

import asyncio
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

import services.data_sharing
from services.data_sharing.domain import merkle
from services.data_sharing.domain.record import Entry
from services.data_sharing.notary import Notary
from services.data_sharing.seed import loader
from services.data_sharing.sequencer import seal_batch
from services.data_sharing.service import build
from services.data_sharing.settings import Settings
from services.data_sharing.store import Store
from services.data_sharing.vault import Vault
from shared.service import StartError

from .texts import CAMDEN, HACKNEY

DEMO = Path(services.data_sharing.__file__).with_name("demo_seed.json")
ENTRIES = 5
"""Entries in the record for each of the two agreements: drafted, submitted, signed twice, activated."""


@pytest.fixture
async def store(settings):
    opened = await Store(settings(Settings, secret_key=SecretStr(Fernet.generate_key().decode()))).start()
    yield opened
    await opened.close()


async def test_the_demo_agreement_is_loaded_once_and_in_force_with_its_signatures(store):
    load = loader(store)
    await asyncio.gather(load(DEMO), load(DEMO))
    await load(DEMO)
    (agreement,) = await store.agreements.page(visible_to=CAMDEN, parties=[HACKNEY], purpose="council-tax", status=None, after="", limit=10)
    assert agreement.status == "active"
    assert [one.borough for one in agreement.signatures] == [CAMDEN, HACKNEY]
    assert {one.text_sha256 for one in agreement.signatures} == {agreement.text_sha256}
    assert len(await store.record.queued(100)) == 2 * ENTRIES


async def test_a_seed_file_that_is_wrong_stops_the_start_with_one_line(store, tmp_path):
    wrong = tmp_path / "seed.json"
    wrong.write_text('{"agreements": [{"ref": "x"}]}')
    with pytest.raises(StartError) as refusal:
        await loader(store)(wrong)
    assert "agreements.0.text" in str(refusal.value)
    assert "\n" not in str(refusal.value)


async def test_racing_sequencers_give_every_entry_one_leaf_and_the_tree_one_history(store):
    vault = Vault(store.settings.secret_key)
    notaries = [Notary(store, vault) for _ in range(3)]
    await asyncio.gather(*(notary.load() for notary in notaries))
    assert len({notary.published()["keys"][0]["kid"] for notary in notaries}) == 1
    await loader(store)(DEMO)

    async def seal_all(notary: Notary) -> None:
        for _ in range(50):
            await seal_batch(store, notary)
            if not await store.record.queued(1):
                return

    await asyncio.gather(*(seal_all(notary) for notary in notaries))
    rows = await store.collection("record").find({})
    assert sorted(row["leaf"] for row in rows) == list(range(2 * ENTRIES))
    tree = await store.record.tree()
    leaves = [(await store.record.hashes([merkle.Range(index, index + 1)]))[0] for index in range(2 * ENTRIES)]
    assert merkle.grow(0, (), leaves).peaks == tree.peaks


async def test_the_chain_of_leaves_is_that_of_the_stored_entries(store):
    vault = Vault(store.settings.secret_key)
    notary = Notary(store, vault)
    await notary.load()
    await loader(store)(DEMO)
    while await seal_batch(store, notary):
        pass
    rows = sorted(await store.collection("record").find({}), key=lambda row: row["leaf"])
    entries = [Entry.model_validate(row["entry"]) for row in rows]
    assert merkle.grow(0, (), [entry.leaf() for entry in entries]).peaks == (await store.record.tree()).peaks


async def test_a_restarted_service_goes_on_with_the_same_key_and_tree(settings, serve):
    own = settings(Settings, secret_key=SecretStr(Fernet.generate_key().decode()), seed_file=str(DEMO))
    async with serve(build(own)) as running:
        first = (await running.http.get("/v1/record/keys")).json()
    async with serve(build(own)) as running:
        assert (await running.http.get("/v1/record/keys")).json() == first
