"""The two jobs that come before the services in docker-compose.yml: secrets, and the database's users.

`python -m deploy.compose.secrets` writes each service's secrets and first data into that service's own volume, once.
`python -m deploy.compose.database` makes the database a replica set and gives each service a user for its own data alone.
"""
