"""What the relay and the consumers share of Kafka: the connection, the broker's identity, and its topics."""
