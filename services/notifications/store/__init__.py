"""Every query of the notifications service."""

from typing import ClassVar

from shared.mongo import Database, Index, Scope, Transaction

from .delivery_jobs import COLLECTION, HOLDER, SLOTS, DeliveryJob, DeliveryJobs, slot_of
from .notifications import Filters, Notifications, StoredNotification
from .services import Services
from .templates import Templates

__all__ = ["SLOTS", "DeliveryJob", "Filters", "Repositories", "Store", "StoredNotification", "Tx", "slot_of"]


class Repositories(Scope):
    """The service's collections, in a transaction or outside one."""

    @property
    def services(self) -> Services:
        return Services(self)

    @property
    def templates(self) -> Templates:
        return Templates(self)

    @property
    def notifications(self) -> Notifications:
        return Notifications(self)

    @property
    def delivery_jobs(self) -> DeliveryJobs:
        return DeliveryJobs(self)


class Tx(Transaction, Repositories):
    """One transaction of this service."""


class Store(Database[Tx], Repositories):
    """The service's database."""

    transaction_type = Tx
    indexes: ClassVar = {
        "templates": [Index("service", "name")],
        "template_versions": [Index("template", "version", unique=True)],
        "notifications": [
            Index("service", "key_type", "_id"),
            Index("service", "reference", "_id"),
            Index("key_id"),
            Index("expires_at", expire_after=0),
        ],
        COLLECTION: [Index("slot", "state", "due_at"), Index(HOLDER)],
    }
