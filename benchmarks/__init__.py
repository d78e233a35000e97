"""One file a claim, each printing a ratio against its reference in the same run."""
