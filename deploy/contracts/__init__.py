"""The contracts as documents: AsyncAPI 3 and JSON Schema from the event models, OpenAPI from the services.

`make contracts` writes them under `contracts/`; committed there, they show a reviewer what changes for a consumer.
`make contracts-check` fails when the committed documents differ from the code, or break a consumer of the previous contracts.
"""
