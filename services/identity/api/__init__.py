"""Identity's HTTP surfaces."""
