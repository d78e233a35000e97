"""Sealed values open under rotated keys, and values of earlier versions still open."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet, MultiFernet
from pydantic import SecretStr

from shared.crypto import Envelope, Keyring, SealError

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
START = datetime(2026, 11, 30, tzinfo=UTC)


def keyring(*keys: str) -> Keyring:
    return Keyring(SecretStr(",".join(keys)))


def test_a_new_key_in_front_seals_and_the_old_one_still_opens():
    sealed = keyring(OLD).seal(b"text")
    both = keyring(NEW, OLD)
    assert both.open(sealed) == b"text"
    assert not both.is_current(sealed)
    anew = both.resealed(sealed)
    assert both.is_current(anew)
    assert keyring(NEW).open(anew) == b"text"
    with pytest.raises(SealError):
        keyring(NEW).open(sealed)


def test_a_changed_or_foreign_value_does_not_open():
    sealed = keyring(OLD).seal(b"text")
    for wrong in (sealed[:-4] + b"AAA=", b"", b"text", keyring(OTHER).seal(b"text")):
        with pytest.raises(SealError):
            keyring(OLD).open(wrong)
        assert not keyring(OLD).sealed_here(wrong)
        with pytest.raises(SealError):
            keyring(OLD).resealed(wrong)


def test_a_value_is_too_old_by_the_time_that_the_caller_gives():
    ring = keyring(OLD)
    sealed = ring.seal(b"text", START)
    assert ring.open_fresh(sealed, max_age=60, at=START + timedelta(seconds=60)) == b"text"
    with pytest.raises(SealError):
        ring.open_fresh(sealed, max_age=60, at=START + timedelta(seconds=61))
    assert ring.sealed_here(sealed)


def test_digests_find_what_an_older_key_digested_and_outlive_a_rotation():
    [old] = keyring(OLD).digests("reference", "case-1")
    assert keyring(NEW, OLD).digests("reference", "case-1")[1] == old
    assert keyring(OLD).digests("reply", "case-1") != (old,)
    assert keyring(NEW, OLD).oldest_key("digests of requests") == keyring(OLD).oldest_key("digests of requests")
    assert keyring(NEW, OLD).key_ids[1:] == keyring(OLD).key_ids


def test_a_data_key_is_wrapped_anew_while_what_it_sealed_stays():
    before, both, after = Envelope(SecretStr(OLD)), Envelope(SecretStr(f"{NEW},{OLD}")), Envelope(SecretStr(NEW))
    key = before.new_key()
    sealed = before.seal(key, {"name": "Zoë"})
    assert after.open(both.rewrapped(key), sealed) == {"name": "Zoë"}
    with pytest.raises(SealError):
        after.open(key, sealed)
    with pytest.raises(SealError):
        before.open(before.new_key(), sealed)


def test_what_plain_fernet_sealed_opens():
    """Earlier versions used `cryptography.fernet` in each service."""
    earlier = MultiFernet([Fernet(OLD)])
    assert keyring(NEW, OLD).open(earlier.encrypt(b"signing key")) == b"signing key"
    data_key = Fernet.generate_key()
    content = Fernet(data_key).encrypt(json.dumps({"body": "text"}).encode())
    assert Envelope(SecretStr(OLD)).open(earlier.encrypt(data_key), content) == {"body": "text"}
