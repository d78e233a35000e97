"""The platform's version: `service.version` of what every service reports. The same as in pyproject.toml, which an image lacks."""

VERSION = "0.1.0"
