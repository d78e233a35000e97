"""Identity: the platform's OpenID Provider and the issuer of its machine tokens."""
