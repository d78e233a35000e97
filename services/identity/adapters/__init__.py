"""Clients of what identity calls: notifications, and the servers of its clients."""
