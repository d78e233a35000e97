"""Writes the files of a release: completely, or from an earlier release and a change."""
