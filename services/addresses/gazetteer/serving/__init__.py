"""The release that a process answers from, and how another goes live."""
