"""Rules of a move and its progress: pure, without I/O and framework."""
