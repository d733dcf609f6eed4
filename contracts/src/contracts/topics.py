"""The topic table: who may write and read what, in which order, for how long, and what kind of data it is.

Topics, access rules, consumer groups and AsyncAPI are made from it. The number of partitions never grows: a key would
move to another partition and lose its order.
"""

from dataclasses import dataclass
from typing import Literal

from contracts import appointments, forms, identity, notify, osi_gateway
from contracts.envelope import RETRY, tombstone_type
from contracts.event import Event

Service = Literal["identity", "forms", "appointments", "notify", "osi-gateway"]
SERVICES: tuple[Service, ...] = ("identity", "forms", "appointments", "notify", "osi-gateway")

Order = Literal["every", "newest"]
"""``every``: a reader applies each number once, without gaps. ``newest``: the last record says all, older ones are
dropped."""

DataClass = Literal["public", "restricted"]
"""``public``: ids and minimal data, open to other agencies. ``restricted``: personal data, read by the
named services only."""


@dataclass(frozen=True)
class Topic:
    """One row of the table."""

    name: str
    """``<service>.<plural noun>``; the service is the only producer."""
    events: tuple[type[Event], ...]
    consumers: tuple[Service, ...]
    data: DataClass
    order: Order = "every"
    partitions: int = 12
    keep_days: int | None = None
    """None: for good."""
    compacted: bool = False
    key: str = "id of the aggregate"

    @property
    def producer(self) -> str:
        """The service that owns the topic."""
        return self.name.partition(".")[0]

    @property
    def tombstone(self) -> str | None:
        """Type of the record that erases what stands under a key; None where nothing on this topic is erased so."""
        return tombstone_type(self.name) if self.compacted else None

    @property
    def forgets(self) -> bool:
        """Whether a new reader may find that the first numbers are gone."""
        return self.keep_days is not None

    def group(self, consumer: str) -> str:
        """Consumer group of a service on this topic."""
        return f"{consumer}.{self.name}"

    def retry(self, consumer: str) -> str:
        """Topic from which one group reads its replayed dead letters."""
        return f"{self.group(consumer)}{RETRY}"


_TABLE = (
    Topic(
        "identity.accounts",
        (identity.AccountRegistered, identity.EmailVerified, identity.AccountLinked, identity.AccountErased),
        ("notify", "osi-gateway"),
        "public",
    ),
    Topic("identity.sessions", (identity.SessionEnded,), (), "public", keep_days=7),
    Topic("identity.messages", (identity.VerificationRequested,), ("notify",), "restricted", keep_days=1),
    Topic(
        "identity.contacts",
        (identity.ContactChanged,),
        ("notify",),
        "restricted",
        order="newest",
        compacted=True,
        key="account id",
    ),
    Topic(
        "identity.keys",
        (identity.TokenKeyPublished,),
        ("forms", "appointments", "notify", "osi-gateway"),
        "public",
        order="newest",
        partitions=1,
        compacted=True,
        key="kid",
    ),
    Topic(
        "forms.applications", (forms.ApplicationSubmitted, forms.ApplicationStatusChanged), ("osi-gateway",), "public"
    ),
    Topic("forms.packages", (forms.ApplicationPackaged,), ("osi-gateway",), "restricted", keep_days=30),
    Topic("appointments.slots", (appointments.SlotReserved, appointments.SlotReleased), ("notify",), "public"),
    Topic("notify.messages", (notify.MessageSent, notify.MessageFailed), (), "public"),
    Topic(
        "osi-gateway.submissions",
        (osi_gateway.SubmissionForwarded, osi_gateway.SubmissionAccepted, osi_gateway.SubmissionRejected),
        ("forms", "notify"),
        "public",
    ),
    Topic(
        "osi-gateway.keys",
        (osi_gateway.SealingKeyPublished,),
        ("forms",),
        "public",
        order="newest",
        partitions=1,
        compacted=True,
        key="kid",
    ),
)

TOPICS: dict[str, Topic] = {topic.name: topic for topic in _TABLE}


def dead_letters(service: str) -> str:
    """Topic that holds what a service could not handle, with the reason."""
    return f"{service}.dead-letters"
