"""Adds the record's queued entries to the tree in batches, and signs a new tree head for each batch.

Any number of replicas may run one. A transaction seals a batch only on top of the tree that it was computed from, so the tree has one
history. A slower replica meets a conflict, changes nothing, and continues from the new tree.
"""

from shared.clock import now
from shared.mongo import Conflict, Duplicate
from shared.worker import Worker

from .domain.merkle import grow
from .notary import Notary
from .store import Store

BATCH = 500


async def seal_batch(store: Store, notary: Notary) -> int:
    """Seal the oldest queued entries. Returns how many; 0 also if another replica was faster."""
    if not await store.record.queued(1):  # an idle worker opens no transaction
        return 0
    try:
        async with store.transaction() as tx:
            entries = await tx.record.queued(BATCH)
            if not entries:
                return 0
            tree = await tx.record.tree()
            growth = grow(tree.size, tree.peaks, [entry.leaf() for entry in entries])
            await tx.record.seal(tree, entries, growth, notary.sign(growth, now()))
    except (Conflict, Duplicate):
        return 0
    return len(entries)


def worker(store: Store, notary: Notary) -> Worker:
    """Return the worker, which looks every half second, so that an entry is sealed within a second."""
    return Worker("record-sequencer", lambda: seal_batch(store, notary), interval=0.5)
