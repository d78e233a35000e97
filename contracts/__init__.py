"""The published language: the only thing that the services know of each other."""
