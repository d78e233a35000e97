"""The portal's pages and its capture surface."""
