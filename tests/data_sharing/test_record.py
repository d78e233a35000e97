"""The record over HTTP: what a citizen sees, and what anyone can verify with the public key alone."""

import json

from joserfc import jws
from joserfc.jwk import KeySet

from services.data_sharing.domain import merkle
from services.data_sharing.domain.record import Action, Matter, moved
from shared.clock import now
from shared.events import new_id

from .platform import CITIZEN
from .texts import COUNCIL_TAX, HACKNEY, text


async def test_a_citizen_sees_who_what_when_under_which_agreement_and_law_and_nobody_elses(platform):
    ref = await platform.active()
    await platform.share(ref)
    (line,) = await platform.record()
    assert line["by_name"] == "Hackney"
    assert line["recipient_name"] == "Camden"
    assert line["items"] == ["family_name", "given_name", "moved_on", "new_postcode", "old_address"]
    assert line["agreement"] == ref
    assert line["agreement_title"] == text()["title"]
    assert line["lawful_basis"] == "https://w3id.org/dpv/legal/eu/gdpr#A6-1-e"
    assert "regulation 4" in line["legal_power"]
    assert (await platform.as_citizen("/v1/record", subject="another")).json()["items"] == []
    assert (await platform.call(HACKNEY, "GET", "/v1/record")).status_code == 403


async def test_the_record_is_paged_without_gaps_while_entries_are_being_sealed(platform):
    ref = await platform.active()
    shares = [(await platform.share(ref, reference=f"move-{number}")).json()["id"] for number in range(7)]
    seen, cursor = [], None
    while True:
        page = (await platform.as_citizen("/v1/record", limit=3, **({"cursor": cursor} if cursor else {}))).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len({line["id"] for line in seen}) == len(shares)


async def test_a_verifier_with_the_public_key_alone_can_check_a_citizens_line_and_that_nothing_was_rewritten(platform):
    ref = await platform.active()
    await platform.share(ref)
    await platform.sealed()
    early = (await platform.running.http.get("/v1/record/heads")).json()
    for number in range(5):
        await platform.share(ref, reference=f"later-{number}")
    await platform.sealed()
    line = (await platform.record())[-1]
    proof = (await platform.as_citizen(f"/v1/record/{line['id']}/proof")).json()
    head = proof["tree_head"]

    keys = KeySet.import_key_set((await platform.running.http.get("/v1/record/keys")).json())
    signed = jws.deserialize_compact(head["signature"], keys, algorithms=["ES256"])
    said = json.loads(signed.payload)
    assert (said["size"], said["root"]) == (head["size"], head["root"])
    assert head["size"] > early["size"]

    path = [bytes.fromhex(value) for value in proof["path"]]
    leaf = merkle.leaf_hash(proof["entry"].encode())
    assert merkle.verify_inclusion(leaf, proof["leaf_index"], head["size"], path, bytes.fromhex(head["root"]))
    assert json.loads(proof["entry"])["id"] == line["id"]
    forged = merkle.leaf_hash(proof["entry"].replace("Hackney", "Nobody").replace("E09000012", "E09000001").encode())
    assert not merkle.verify_inclusion(forged, proof["leaf_index"], head["size"], path, bytes.fromhex(head["root"]))

    answer = await platform.running.http.get("/v1/record/consistency", params={"first": early["size"], "second": head["size"]})
    path = [bytes.fromhex(value) for value in answer.json()["path"]]
    roots = bytes.fromhex(early["root"]), bytes.fromhex(head["root"])
    assert merkle.verify_consistency(early["size"], head["size"], *roots, path)
    assert (await platform.running.http.get(f"/v1/record/heads/{early['size']}")).json() == early
    assert (await platform.as_citizen(f"/v1/record/{line['id']}/proof", subject="another")).status_code == 404


async def test_lines_from_before_sectors_were_kept_are_still_their_citizens_and_keep_their_proofs(platform):
    """Their leaves commit to a text without the later fields."""
    ref = await platform.active()
    agreement = await platform.store.agreements.get(ref, visible_to=HACKNEY)
    matter = Matter(subject=CITIZEN, sector=HACKNEY, purpose=COUNCIL_TAX, sender=HACKNEY, recipient=HACKNEY, share="s")
    entry = moved(new_id(), Action.SHARED, agreement, matter, by=HACKNEY, items=("email",), at=now())
    async with platform.store.transaction() as tx:
        await tx.record.append(entry.model_copy(update={"sector": None, "sender": None}))
    await platform.sealed()
    (line,) = await platform.record()
    assert (line["sender"], line["by"]) == (None, HACKNEY)
    proof = (await platform.as_citizen(f"/v1/record/{line['id']}/proof")).json()
    assert {"sector", "sender"}.isdisjoint(json.loads(proof["entry"]))
