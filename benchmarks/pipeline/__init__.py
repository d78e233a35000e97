"""The two services of `commit_to_effect`, and the same without the chassis as their reference."""
