"""The embedded engines: a database and a broker, each in a process of its own.

```python
database = Database("python", directory)     # or "fast"; SecantusDB: the MongoDB protocol, durable in `directory`
broker = Tansu()                             # the Kafka protocol, in memory: loses everything when it ends
broker = ApacheKafka(directory)              # Apache Kafka; needs Java and Maven; durable in `directory`

await database.start()                       # returns when it answers; raises OperatorError (one line) when it cannot
database.address                             # "mongodb://127.0.0.1:PORT/..." and for brokers "127.0.0.1:PORT"
database.kill(); await database.start()      # the same port; a Tansu restarts empty, with a new cluster id
await database.stop()
```
`port=0`, the default, takes a free port and keeps it over restarts. `async with Tansu() as broker:` starts and stops.
In a synchronous fixture: `asyncio.run(database.start())`, from the main thread (see `Process`).
"""

from deploy.embedded.engines.apache_kafka import ApacheKafka
from deploy.embedded.engines.secantus import Database, EngineChoice, fast_engine_is_built
from deploy.embedded.engines.tansu import Tansu
from deploy.embedded.errors import OperatorError

__all__ = ["ApacheKafka", "Database", "EngineChoice", "OperatorError", "Tansu", "fast_engine_is_built"]
