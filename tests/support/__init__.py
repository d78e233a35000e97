"""What tests share: real engines, real services on real ports, tokens of a test issuer."""
