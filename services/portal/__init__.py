"""The portal: the front door of a running platform, and, on one machine, the providers that capture its mail and texts."""
