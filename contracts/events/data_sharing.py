"""Events of the data-sharing block. The recipient fetches a share's content; no event contains it."""

from datetime import datetime

from .base import Event, Key, Order

AGREEMENTS = "data_sharing.agreements"
SHARES = "data_sharing.shares"


class AgreementDrafted(Event, type="data_sharing.agreement.drafted", version=1, topic=AGREEMENTS):
    """One party has drafted an agreement. Nobody has signed it, and it opens no data."""

    agreement: str = Key()
    drafted_by: str
    """GSS code of the drafting party."""
    parties: tuple[str, ...]
    """GSS codes of the parties."""
    drafted_at: datetime


class AgreementSubmitted(Event, type="data_sharing.agreement.submitted", version=1, topic=AGREEMENTS):
    """The text is final and waits for every party's signature."""

    agreement: str = Key()
    parties: tuple[str, ...]
    """GSS codes of the parties."""
    text_sha256: str
    """SHA-256 of the agreement's canonical text (RFC 8785), hexadecimal: the parties sign it."""
    submitted_at: datetime


class AgreementSigned(Event, type="data_sharing.agreement.signed", version=1, topic=AGREEMENTS):
    """One party's officer has signed. `AgreementActivated` follows the last signature."""

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
    """A citizen's change is in the recipient's inbox, reduced to the items that the agreement allows the recipient."""

    share: str = Key()
    agreement: str
    purpose: str
    recipient: str
    """GSS code of the receiving borough."""
    sender: str | None = None
    """GSS code of the sending borough."""
    client: str | None = None
    """Identity's id of the asking client. Trust a reference only together with its client, because anybody may choose one."""
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
    """Data sharing has refused a share, because no agreement allows it. It has stored nothing of the content."""

    refusal: str = Key()
    agreement: str
    """Empty if no agreement binds the boroughs."""
    purpose: str
    recipient: str
    """GSS code of the intended recipient."""
    sender: str | None = None
    """GSS code of the borough that asked."""
    client: str | None = None
    """Identity's id of the client that asked."""
    reference: str | None = None
    """The caller's own reference, given back as it came."""
    reason: str
    """`agreement-not-active`, `purpose-not-covered`, `recipient-not-a-party`, `no-item-allowed` or `no-agreement`."""
    refused_at: datetime
