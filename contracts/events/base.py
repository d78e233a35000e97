"""The base of every published event: an immutable fact with a type, a version, a topic and a key.

This package needs pydantic alone, so that a borough can install it without the platform's chassis. The envelope
(CloudEvents attributes, trace context, borough, causation) belongs to the chassis and never appears in a payload.
"""

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

TYPE_PREFIX = "london.blocks."

registry: dict[str, type["Event"]] = {}
"""Every event class by its full CloudEvents type, for example `london.blocks.data_sharing.share.delivered.v1`."""


class Order(StrEnum):
    """The source of the order of a key's events: a sequence that the publishing transaction takes, never a time."""

    VERSION = "version"
    """The publisher gives the aggregate's version after the change as `sequence`, 1 or more."""
    COUNTER = "counter"
    """The aggregate has no version, so the publishing transaction counts the events of this topic and key."""
    SINGLE = "single"
    """A key of this topic has one event only, so it needs no order."""


def Key() -> Any:  # noqa: N802 (reads as a marker in class bodies, like pydantic's Field)
    """Marks the field whose value is the Kafka key: a pseudonymous aggregate id, never personal data."""
    return Field(json_schema_extra={"x-key": True})


class Event(BaseModel):
    """A fact that happened to one aggregate. Holds ids and facts, never personal data.

    Declared with `class ShareDelivered(Event, type="data_sharing.share.delivered", version=1,
    topic="data_sharing.shares")`; exactly one field is marked with `Key()`. `order` says how the key's events are
    ordered (`Order`). A change that an old reader could not accept needs a new `version`; optional fields may be
    added in place.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_enum_values=False)

    event_type: ClassVar[str] = ""
    event_version: ClassVar[int] = 0
    topic: ClassVar[str] = ""
    key_field: ClassVar[str] = ""
    order: ClassVar[Order] = Order.VERSION

    sequence: int = Field(default=0, ge=0, description="The aggregate's version after this change; 0 where it has only one event.")

    def __init_subclass__(
        cls,
        *,
        type: str = "",  # noqa: A002
        version: int = 1,
        topic: str = "",
        order: Order = Order.VERSION,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        type: str = "",  # noqa: A002
        version: int = 1,
        topic: str = "",
        order: Order = Order.VERSION,
        **kwargs: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not type:
            return
        extras = {name: field.json_schema_extra for name, field in cls.model_fields.items()}
        keys = [name for name, extra in extras.items() if isinstance(extra, dict) and extra.get("x-key")]
        if len(keys) != 1:
            raise TypeError(f"{cls.__name__} must mark exactly one field with Key(), not {len(keys)}")
        cls.event_type = f"{TYPE_PREFIX}{type}.v{version}"
        cls.event_version = version
        cls.topic = topic
        cls.key_field = keys[0]
        cls.order = order
        registry[cls.event_type] = cls

    @property
    def key(self) -> str:
        """The Kafka key: events with the same key are delivered in the order in which they were committed."""
        return str(getattr(self, self.key_field))
