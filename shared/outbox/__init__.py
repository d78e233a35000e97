"""The relay: publishes the events of committed transactions to Kafka, in order per key."""
