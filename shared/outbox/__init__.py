"""The outbox: events are rows of the transaction that changes the state; a relay publishes them to Kafka in order per key."""
