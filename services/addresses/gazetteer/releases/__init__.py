"""Releases on this machine: manifests, integrity, activation, change sets, quality gate."""
