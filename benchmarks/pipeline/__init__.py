"""Two services that commit-to-effect is measured between, and the same without the chassis as its reference."""
