"""Whether a failed send can succeed later, and if it cannot, for what: this row, or its whole topic.

Codes and their meanings: the Kafka protocol's error codes; `retriable` is aiokafka's own verdict on each.
"""

from enum import Enum

from aiokafka import errors


class Verdict(Enum):
    """What a failure says about what was sent."""

    LATER = "later"
    """Nothing: the broker, the connection or the producer failed. The same rows are sent again."""
    ROW = "row"
    """The broker takes no such row."""
    TOPIC = "topic"
    """The broker takes nothing for this topic from this service."""
    UNSURE = "unsure"
    """aiokafka does not expect it to heal, but its code does not say what is wrong: decided by trying again."""


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
"""Why a topic is not made: then nothing can be sent to it."""
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
"""Not retriable by the same producer, but no fault of any row."""


def verdict(error: BaseException) -> Verdict:
    """What a failed send says."""
    if not isinstance(error, errors.KafkaError) or error.retriable or isinstance(error, _PRODUCER):
        return Verdict.LATER
    if isinstance(error, _TOPIC):
        return Verdict.TOPIC
    if isinstance(error, _ROW):
        return Verdict.ROW
    return Verdict.UNSURE if isinstance(error, errors.BrokerResponseError) else Verdict.LATER


def forbids_topic(error: BaseException) -> bool:
    """Whether this failure to make a topic is final."""
    return isinstance(error, _CREATION)
