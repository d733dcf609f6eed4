"""Facts of a message as the events that others read: never an address, a subject or a text."""

from collections.abc import Sequence

from contracts import Event
from contracts.notify import MessageFailed, MessageSent
from notify.messages.domain import Fact, Failed, Message


def publish(state: Message, fact: Fact) -> Sequence[Event]:
    """Tell that a message went out or failed."""
    if isinstance(fact, Failed):
        return (
            MessageFailed(
                occurred_at=fact.at,
                message_id=state.id,
                account_id=state.account_id,
                kind=state.kind,
                reason=fact.reason,
            ),
        )
    return (MessageSent(occurred_at=fact.at, message_id=state.id, account_id=state.account_id, kind=state.kind),)
