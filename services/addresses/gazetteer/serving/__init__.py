"""The live release of a process, and the activation of another."""
