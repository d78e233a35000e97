"""Generates synthetic premises and changes to them, reproducibly from a seed."""
