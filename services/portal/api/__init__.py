"""The portal's pages and the API of its capture providers."""
