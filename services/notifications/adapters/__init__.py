"""The ways out: providers of email and text messages."""
