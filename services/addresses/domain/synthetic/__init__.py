"""Made-up premises, the same for the same seed."""
