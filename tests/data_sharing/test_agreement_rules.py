"""The life cycle of an agreement, as pure domain rules."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.events.data_sharing import AgreementActivated, AgreementResumed, AgreementSigned
from services.data_sharing.domain import agreement as steps
from services.data_sharing.domain.agreement import Agreement, Signature, Status, StepRefused
from services.data_sharing.domain.decision import Allowed, Reason, Refused, decide
from services.data_sharing.domain.text import DPV_GDPR, Item, Text

from .texts import CAMDEN, COUNCIL_TAX, HACKNEY, ISLINGTON, text

AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def drafted(**over: Any) -> Agreement:
    return steps.draft("ref-1", Text.model_validate(text(**over)), by=CAMDEN, at=AT).agreement


def signature(agreement: Agreement, borough: str) -> Signature:
    return Signature(
        borough=borough, person="A. Officer", position="Director", text_sha256=agreement.text_sha256, client_id="c", signed_at=AT
    )


def active(**over: Any) -> Agreement:
    agreement = steps.submit(drafted(**over), at=AT).agreement
    for borough in agreement.text.boroughs:
        agreement = steps.sign(agreement, signature(agreement, borough)).agreement
    return agreement


def test_the_last_signature_brings_an_agreement_into_force():
    agreement = steps.submit(drafted(), at=AT).agreement
    first = steps.sign(agreement, signature(agreement, HACKNEY))
    assert first.agreement.status is Status.AWAITING_SIGNATURE
    assert [type(event) for event in first.events] == [AgreementSigned]
    last = steps.sign(first.agreement, signature(agreement, CAMDEN))
    assert last.agreement.status is Status.ACTIVE
    assert [type(event) for event in last.events] == [AgreementSigned, AgreementActivated]
    assert [event.sequence for event in last.events] == [4, 5]
    assert last.agreement.revision == 5


def test_a_partys_second_signature_changes_nothing():
    agreement = active()
    assert steps.sign(agreement, signature(agreement, CAMDEN)) == steps.Change(agreement)


def test_a_signature_over_another_text_is_refused():
    agreement = steps.submit(drafted(), at=AT).agreement
    other = drafted(title="Another title")
    with pytest.raises(StepRefused, match="another text"):
        steps.sign(agreement, signature(other, CAMDEN))


def test_a_draft_cannot_be_signed():
    with pytest.raises(StepRefused, match="is draft"):
        steps.sign(drafted(), signature(drafted(), CAMDEN))


def test_the_hash_depends_on_every_field_and_on_the_ref():
    original = Text.model_validate(text())
    hashes = {original.sha256("ref-1"), original.sha256("ref-2")}
    for change in ({"title": "x"}, {"review_on": "2028-01-01"}, {"version": 2}, {"permissions": text()["permissions"][:1]}):
        hashes.add(Text.model_validate(text(**change)).sha256("ref-1"))
    assert len(hashes) == 6


def test_the_suspending_party_alone_resumes_and_each_suspension_stands_by_itself():
    by_camden = steps.suspend(active(), by=CAMDEN, at=AT).agreement
    with pytest.raises(StepRefused, match="Only the party that suspended"):
        steps.resume(by_camden, by=HACKNEY, at=AT)
    by_both = steps.suspend(by_camden, by=HACKNEY, at=AT).agreement
    one_left = steps.resume(by_both, by=CAMDEN, at=AT)
    assert one_left.agreement.status is Status.SUSPENDED
    none_left = steps.resume(one_left.agreement, by=HACKNEY, at=AT)
    assert none_left.agreement.status is Status.ACTIVE
    resumed = [event for event in (*one_left.events, *none_left.events) if isinstance(event, AgreementResumed)]
    assert [event.in_force for event in resumed] == [False, True]


def test_nothing_revives_a_terminated_agreement():
    ended = steps.terminate(active(), by=HACKNEY, at=AT).agreement
    with pytest.raises(StepRefused, match="terminated"):
        steps.suspend(ended, by=CAMDEN, at=AT)
    with pytest.raises(StepRefused, match="terminated"):
        steps.resume(ended, by=CAMDEN, at=AT)
    with pytest.raises(StepRefused, match="terminated"):
        steps.submit(ended, at=AT)


def test_the_author_must_be_a_party():
    with pytest.raises(StepRefused, match="must be one of the parties"):
        steps.draft("ref-1", Text.model_validate(text()), by=ISLINGTON, at=AT)


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"parties": [{"borough": CAMDEN}]}, "at least 2"),
        ({"parties": [{"borough": CAMDEN}, {"borough": CAMDEN}]}, "a borough is given twice"),
        ({"parties": [{"borough": CAMDEN}, {"borough": "E09000099"}]}, "not the GSS code"),
        ({"permissions": [{"recipient": ISLINGTON, "purpose": COUNCIL_TAX, "items": ["email"]}]}, "is not a party"),
        ({"permissions": [{"recipient": CAMDEN, "purpose": "parking", "items": ["email"]}]}, "not one of the purposes"),
        ({"permissions": [{"recipient": CAMDEN, "purpose": COUNCIL_TAX, "items": ["shoe_size"]}]}, "items"),
        ({"purposes": [{**text()["purposes"][0], "lawful_basis": "A6-1-z"}]}, "lawful_basis"),
    ],
)
def test_a_text_that_does_not_hang_together_is_refused(over, message):
    with pytest.raises(ValidationError, match=message):
        Text.model_validate(text(**over))


def test_a_bare_dpv_term_is_completed_to_its_iri():
    assert Text.model_validate(text()).purposes[0].lawful_basis == f"{DPV_GDPR}A6-1-e"


@pytest.mark.parametrize(
    ("agreement", "purpose", "recipient", "reason"),
    [
        (drafted(), COUNCIL_TAX, CAMDEN, Reason.AGREEMENT_NOT_ACTIVE),
        (steps.suspend(active(), by=CAMDEN, at=AT).agreement, COUNCIL_TAX, CAMDEN, Reason.AGREEMENT_NOT_ACTIVE),
        (steps.terminate(active(), by=CAMDEN, at=AT).agreement, COUNCIL_TAX, CAMDEN, Reason.AGREEMENT_NOT_ACTIVE),
        (active(), "parking", CAMDEN, Reason.PURPOSE_NOT_COVERED),
        (active(permissions=text()["permissions"][1:]), COUNCIL_TAX, CAMDEN, Reason.PURPOSE_NOT_COVERED),
        (active(), COUNCIL_TAX, ISLINGTON, Reason.RECIPIENT_NOT_A_PARTY),
    ],
)
def test_what_the_agreement_does_not_name_is_refused(agreement, purpose, recipient, reason):
    decision = decide(agreement, purpose=purpose, recipient=recipient, items={Item.GIVEN_NAME: "Ada"})
    assert isinstance(decision, Refused)
    assert decision.reason is reason


CONTENT = st.dictionaries(st.sampled_from(Item), st.text(min_size=1, max_size=20))
ITEM_SETS = st.sets(st.sampled_from(Item), min_size=1)


@given(given_items=CONTENT, to_camden=ITEM_SETS, to_hackney=ITEM_SETS, recipient=st.sampled_from([CAMDEN, HACKNEY]))
def test_a_recipient_never_gets_an_item_that_is_not_named_for_it(given_items, to_camden, to_hackney, recipient):
    permissions = [
        {"recipient": CAMDEN, "purpose": COUNCIL_TAX, "items": sorted(to_camden)},
        {"recipient": HACKNEY, "purpose": COUNCIL_TAX, "items": sorted(to_hackney)},
    ]
    agreement = active(permissions=permissions)
    named = to_camden if recipient == CAMDEN else to_hackney
    decision = decide(agreement, purpose=COUNCIL_TAX, recipient=recipient, items=given_items)
    expected = {item: value for item, value in given_items.items() if item in named}
    if expected:
        assert isinstance(decision, Allowed)
        assert decision.content == expected
    else:
        assert isinstance(decision, Refused)
        assert decision.reason is Reason.NO_ITEM_ALLOWED
