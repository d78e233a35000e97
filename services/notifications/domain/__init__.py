"""Pure rules of the notifications block: no I/O, no framework, no clock of its own."""
