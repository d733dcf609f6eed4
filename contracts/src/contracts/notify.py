"""Events of the notify service."""

from typing import ClassVar, Literal

from contracts.event import Event

MessageKind = Literal[
    "verification", "already-registered", "receipt-accepted", "receipt-rejected", "reservation", "release"
]


class MessageSent(Event):
    """A mail was taken by the mail server."""

    topic: ClassVar[str] = "notify.messages"

    message_id: str
    account_id: str
    kind: MessageKind


class MessageFailed(Event):
    """A mail could not be sent, or nobody knows whether it was: a clerk looks at it, it is not tried again."""

    topic: ClassVar[str] = "notify.messages"

    message_id: str
    account_id: str
    kind: MessageKind
    reason: Literal["refused", "unknown"]
    """``refused`` by the mail server; ``unknown``: perhaps sent. Never the server's words: they quote the address."""
