"""The events of every block, and the registry that finds a class by its CloudEvents type."""

from . import addresses, data_sharing, identity, notifications, platform
from .base import TYPE_PREFIX, Event, Key, Order, registry

__all__ = ["TYPE_PREFIX", "Event", "Key", "Order", "addresses", "data_sharing", "identity", "notifications", "platform", "registry"]
