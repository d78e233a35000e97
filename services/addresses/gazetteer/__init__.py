"""The gazetteer's files: what is shipped, what is built from it, and how a release is read."""
