"""What the platform tells of itself: one trace for one journey, and nothing about the citizen in any of it."""
