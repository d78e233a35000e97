"""The contracts as documents: AsyncAPI 3 and JSON Schema from the event models, OpenAPI from the services.

They are written by `make contracts` and committed under `contracts/`, so that a review shows what changes for a consumer.
`make contracts-check` fails when the committed documents differ from the code, and when they break a consumer of the
contracts as they stood before.
"""
