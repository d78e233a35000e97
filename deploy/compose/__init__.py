"""The two jobs that docker-compose.yml runs before the services: secrets, and the database's users.

`python -m deploy.compose.secrets` writes each service's secrets and first data into that service's own volume, once.
`python -m deploy.compose.database` initiates the replica set and creates a user for each service, limited to its own database.
"""
