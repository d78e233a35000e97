"""What a move is and how it goes on: pure rules, no I/O and no framework."""
