"""Provisional addresses, and reports of errors in the gazetteer."""
