"""Move home: a borough's own app, composed from the platform's services over their public APIs."""
