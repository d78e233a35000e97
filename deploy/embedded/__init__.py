"""Runs the whole platform on one machine with Python alone: the engines, the runner and its commands (`blocks`)."""
