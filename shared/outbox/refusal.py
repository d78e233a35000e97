"""Decides whether a failed send can succeed later, or the broker refuses this row or its whole topic for good.

Codes and their meanings: the Kafka protocol's error codes; `retriable` is aiokafka's own verdict on each.
"""

from enum import Enum

from aiokafka import errors


class Verdict(Enum):
    """The meaning of a failed send."""

    LATER = "later"
    """The broker, the connection or the producer failed: send the same rows again."""
    ROW = "row"
    """The broker refuses this row."""
    TOPIC = "topic"
    """The broker refuses every row for this topic from this service."""
    UNSURE = "unsure"
    """Not retriable for aiokafka, but the code names no cause: repeated attempts decide."""


_ROW: tuple[type[errors.KafkaError], ...] = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.RecordTooLargeError,
    errors.InvalidTimestampError,
    errors.InvalidMessageError,
    errors.PolicyViolationError,
)
_TOPIC: tuple[type[errors.KafkaError], ...] = (
    errors.InvalidTopicError,
    errors.TopicAuthorizationFailedError,
    errors.UnsupportedForMessageFormatError,
    errors.InvalidRequiredAcksError,
)
_CREATION: tuple[type[errors.KafkaError], ...] = (
    *_TOPIC,
    errors.PolicyViolationError,
    errors.InvalidConfigurationError,
    errors.InvalidPartitionsError,
    errors.InvalidReplicationFactorError,
    errors.ClusterAuthorizationFailedError,
)
"""Final reasons for which a topic cannot be created."""
_PRODUCER: tuple[type[errors.KafkaError], ...] = (
    errors.OutOfOrderSequenceNumber,
    errors.InvalidProducerEpoch,
    errors.UnknownProducerId,
    errors.InvalidProducerIdMapping,
    errors.ClusterAuthorizationFailedError,
    errors.UnsupportedVersionError,
    errors.SaslAuthenticationFailed,
    errors.IllegalSaslStateError,
    errors.UnsupportedSaslMechanismError,
    errors.SecurityDisabled,
    errors.BrokerNotAvailableError,
    errors.ReplicaNotAvailableError,
    errors.ConcurrentTransactions,
    errors.InvalidTxnState,
    errors.LogDirNotFound,
)
"""Not retriable by the same producer, and not caused by a row."""


def verdict(error: BaseException) -> Verdict:
    """The verdict on a failed send."""
    if not isinstance(error, errors.KafkaError) or error.retriable or isinstance(error, _PRODUCER):
        return Verdict.LATER
    if isinstance(error, _TOPIC):
        return Verdict.TOPIC
    if isinstance(error, _ROW):
        return Verdict.ROW
    return Verdict.UNSURE if isinstance(error, errors.BrokerResponseError) else Verdict.LATER


def forbids_topic(error: BaseException) -> bool:
    """Whether this failure to create a topic is final."""
    return isinstance(error, _CREATION)
