"""What changes from one release to the next, and which release is fit to go live."""
