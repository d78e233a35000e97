"""The Merkle tree of RFC 6962, section 2.1, over any source of nodes: hashes, proofs, and their verification (RFC 9162, section 2.1).

Leaves are counted from 0. A *node* is a perfect subtree: `level` doublings high, the `place`-th of its level; its hash never changes once
its leaves are there, so it can be stored for good. Every other hash of the tree is folded from at most log2(size) nodes.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

EMPTY_ROOT = hashlib.sha256(b"").digest()


class Node(NamedTuple):
    """A perfect subtree: it covers the leaves from `place << level` up to, not including, `(place + 1) << level`."""

    level: int
    place: int


class Range(NamedTuple):
    """The leaves from `start` up to, not including, `end`; as RFC 6962's D[start:end]."""

    start: int
    end: int


class Growth(NamedTuple):
    """A tree after more leaves: its size, its perfect subtrees from left to right, and every node that is new."""

    size: int
    peaks: tuple[bytes, ...]
    created: tuple[tuple[Node, bytes], ...]


def leaf_hash(entry: bytes) -> bytes:
    """Return the leaf hash MTH({entry}): SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the node hash SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over perfect subtrees given from left to right, each smaller than the one before it."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def grow(size: int, peaks: Sequence[bytes], leaves: Iterable[bytes]) -> Growth:
    """Append leaf hashes to the tree of that size and those peaks. The root of the result is `fold(peaks)`."""
    standing = list(peaks)
    created: list[tuple[Node, bytes]] = []
    for leaf in leaves:
        node, value = Node(0, size), leaf
        created.append((node, value))
        carry = size
        while carry & 1:
            node, value = Node(node.level + 1, node.place >> 1), node_hash(standing.pop(), value)
            created.append((node, value))
            carry >>= 1
        standing.append(value)
        size += 1
    return Growth(size, tuple(standing), tuple(created))


def nodes_of(leaves: Range) -> list[Node]:
    """Return the perfect subtrees, from left to right, whose hashes fold to the root over that range of a proof."""
    nodes = []
    start = leaves.start
    while start < leaves.end:
        level = (leaves.end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_path(index: int, size: int) -> list[Range]:
    """Return PATH(index, D[size]) of RFC 6962, section 2.1.1: the ranges whose roots prove that leaf, from the leaf up."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    start, end = 0, size
    path: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    return path[::-1]


def consistency_path(first: int, second: int) -> list[Range]:
    """Return PROOF(first, D[second]) of RFC 6962, section 2.1.2: ranges that prove that the tree of `first` is a prefix of that of
    `second`.
    """
    if not 0 < first <= second:
        raise ValueError(f"no proof leads from a tree of {first} to one of {second}")
    start, end = 0, second
    path: list[Range] = []
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    if start > 0:
        path.append(Range(start, end))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether the path leads from that leaf hash to that root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    fn, sn, value = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            value = node_hash(sibling, value)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            value = node_hash(value, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and value == root


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Return whether the path shows that the second tree only appended to the first (RFC 9162, section 2.1.4.2)."""
    if first == second:
        return not path and first_root == second_root
    if not 0 < first < second or not path:
        return False
    hashes = list(path) if first & (first - 1) else [first_root, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and old == first_root and new == second_root


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1
