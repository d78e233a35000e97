"""The building blocks: one package a service, none of which imports another."""
