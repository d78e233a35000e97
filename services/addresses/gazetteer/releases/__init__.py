"""Releases on this machine: manifests, integrity, which is live, what changed, whether one is fit to go live."""
