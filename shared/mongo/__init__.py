"""MongoDB for a service's store: `Database`, `Transaction`, `Collection`, and errors that callers can act on."""

from shared.mongo.collection import Collection, Document
from shared.mongo.database import Database, Index, Scope, Transaction, UnitOfWork, unit_of_work
from shared.mongo.errors import Conflict, DatabaseError, Duplicate, TooLarge, Unavailable

__all__ = [
    "Collection",
    "Conflict",
    "Database",
    "DatabaseError",
    "Document",
    "Duplicate",
    "Index",
    "Scope",
    "TooLarge",
    "Transaction",
    "Unavailable",
    "UnitOfWork",
    "unit_of_work",
]
