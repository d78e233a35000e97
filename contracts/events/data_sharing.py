"""Events of the data-sharing block. A share's content is fetched by its recipient; it is never in an event."""

from datetime import datetime

from .base import Event, Key, Order

AGREEMENTS = "data_sharing.agreements"
SHARES = "data_sharing.shares"


class AgreementDrafted(Event, type="data_sharing.agreement.drafted", version=1, topic=AGREEMENTS):
    """One party has written down an agreement; nothing is signed and nothing is open."""

    agreement: str = Key()
    drafted_by: str
    """GSS code of the party that wrote it."""
    parties: tuple[str, ...]
    """GSS codes of the parties."""
    drafted_at: datetime


class AgreementSubmitted(Event, type="data_sharing.agreement.submitted", version=1, topic=AGREEMENTS):
    """The text is fixed and waits for every party's signature."""

    agreement: str = Key()
    parties: tuple[str, ...]
    """GSS codes of the parties."""
    text_sha256: str
    """SHA-256 of the agreement's canonical text (RFC 8785), hexadecimal: what is to be signed."""
    submitted_at: datetime


class AgreementSigned(Event, type="data_sharing.agreement.signed", version=1, topic=AGREEMENTS):
    """One party's officer has signed. `AgreementActivated` follows when it was the last signature."""

    agreement: str = Key()
    signed_for: str
    """GSS code of the party."""
    text_sha256: str
    """SHA-256 of the exact canonical text (RFC 8785) that was signed, hexadecimal."""
    signed_at: datetime


class AgreementActivated(Event, type="data_sharing.agreement.activated", version=1, topic=AGREEMENTS):
    """Every party has signed: the agreement is in force and opens data."""

    agreement: str = Key()
    parties: tuple[str, ...]
    """GSS codes of the parties."""
    purposes: tuple[str, ...]
    activated_at: datetime


class AgreementSuspended(Event, type="data_sharing.agreement.suspended", version=1, topic=AGREEMENTS):
    """The agreement no longer opens data until it is resumed."""

    agreement: str = Key()
    suspended_by: str
    """GSS code of the party that suspended it."""
    suspended_at: datetime


class AgreementResumed(Event, type="data_sharing.agreement.resumed", version=1, topic=AGREEMENTS):
    """A party has lifted its own suspension."""

    agreement: str = Key()
    resumed_by: str
    """GSS code of the party whose suspension is lifted."""
    in_force: bool
    """Whether the agreement opens data again; false while another party's suspension stands."""
    resumed_at: datetime


class AgreementTerminated(Event, type="data_sharing.agreement.terminated", version=1, topic=AGREEMENTS):
    """A party has ended the agreement for good."""

    agreement: str = Key()
    terminated_by: str
    """GSS code of the party that ended it."""
    terminated_at: datetime


class ShareDelivered(Event, type="data_sharing.share.delivered", version=1, topic=SHARES):
    """A citizen's change lies in the recipient's inbox, reduced to what the agreement allows that recipient."""

    share: str = Key()
    agreement: str
    purpose: str
    recipient: str
    """GSS code of the receiving borough."""
    sender: str | None = None
    """GSS code of the sending borough."""
    client: str | None = None
    """Identity's id of the client that asked. A reference means something together with its client only: anybody may choose one."""
    reference: str | None = None
    """The caller's own reference, given back as it came."""
    delivered_at: datetime


class ShareRead(Event, type="data_sharing.share.read", version=1, topic=SHARES):
    """The recipient has opened a share for the first time."""

    share: str = Key()
    agreement: str
    purpose: str
    recipient: str
    """GSS code of the reading borough."""
    sender: str | None = None
    """GSS code of the borough that sent it."""
    reference: str | None = None
    """The sender's own reference, given back as it came."""
    read_at: datetime


class ShareRefused(Event, type="data_sharing.share.refused", version=1, topic=SHARES, order=Order.SINGLE):
    """A share was asked for and not made: no agreement allows it. Nothing was stored of its content."""

    refusal: str = Key()
    agreement: str
    """Empty where no agreement binds the boroughs."""
    purpose: str
    recipient: str
    """GSS code of the borough that was to receive it."""
    sender: str | None = None
    """GSS code of the borough that asked."""
    client: str | None = None
    """Identity's id of the client that asked."""
    reference: str | None = None
    """The caller's own reference, given back as it came."""
    reason: str
    """`agreement-not-active`, `purpose-not-covered`, `recipient-not-a-party`, `no-item-allowed` or `no-agreement`."""
    refused_at: datetime
