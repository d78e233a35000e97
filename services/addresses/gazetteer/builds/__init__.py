"""Write the files of a release: whole, or from an earlier one and a change."""
