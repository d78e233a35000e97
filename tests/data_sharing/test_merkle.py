"""The tree against the certificate-transparency project's vectors and against RFC 6962's definitions."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.data_sharing.domain import merkle
from services.data_sharing.domain.merkle import Node, Range

# Leaves and roots of the reference implementation's tests (google/certificate-transparency, merkletree).
HEX_LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
LEAVES = [bytes.fromhex(leaf) for leaf in HEX_LEAVES]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = max(1 << power for power in range(20) if 1 << power < len(entries))
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


class Log:
    """A log in the store's format: nodes by position, added as the tree grows."""

    def __init__(self, entries: list[bytes], batch: int = 3) -> None:
        self.nodes: dict[Node, bytes] = {}
        size = 0
        peaks: tuple[bytes, ...] = ()
        for start in range(0, len(entries), batch):
            growth = merkle.grow(size, peaks, [merkle.leaf_hash(entry) for entry in entries[start : start + batch]])
            size, peaks = growth.size, growth.peaks
            self.nodes.update(growth.created)
        self.root = merkle.fold(peaks)

    def hash(self, leaves: Range) -> bytes:
        return merkle.fold([self.nodes[node] for node in merkle.nodes_of(leaves)])


def test_roots_are_those_of_the_reference_implementation():
    assert merkle.fold(()) == mth([])
    for size, root in enumerate(ROOTS, start=1):
        assert Log(LEAVES[:size]).root.hex() == root


def test_the_reference_implementations_paths():
    log = Log(LEAVES)
    assert [log.hash(step).hex() for step in merkle.inclusion_path(5, 8)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [log.hash(step).hex() for step in merkle.consistency_path(6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_leaf_of_every_small_tree_is_proved_and_no_other_is():
    for size in range(1, 34):
        entries = [bytes([number]) for number in range(size)]
        log = Log(entries)
        assert log.root == mth(entries)
        for index, entry in enumerate(entries):
            path = [log.hash(step) for step in merkle.inclusion_path(index, size)]
            assert merkle.verify_inclusion(merkle.leaf_hash(entry), index, size, path, log.root)
            assert not merkle.verify_inclusion(merkle.leaf_hash(b"another"), index, size, path, log.root)
            assert not merkle.verify_inclusion(merkle.leaf_hash(entry), (index + 1) % (size + 1), size, path, log.root)


def test_every_small_tree_is_consistent_with_every_earlier_one():
    entries = [bytes([number]) for number in range(33)]
    log = Log(entries)
    for second in range(1, 34):
        for first in range(1, second + 1):
            path = [log.hash(step) for step in merkle.consistency_path(first, second)]
            assert merkle.verify_consistency(first, second, mth(entries[:first]), mth(entries[:second]), path)
            rewritten = mth([b"rewritten", *entries[1:first]])
            assert not merkle.verify_consistency(first, second, rewritten, mth(entries[:second]), path)


@given(st.lists(st.binary(max_size=8), max_size=200), st.integers(1, 50))
def test_the_root_does_not_depend_on_the_batches_it_was_grown_in(entries, batch):
    assert Log(entries, batch).root == mth(entries)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 3)])
def test_there_is_no_path_for_a_leaf_outside_the_tree(index, size):
    with pytest.raises(ValueError, match="not in a tree"):
        merkle.inclusion_path(index, size)
