"""One's own messages."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter

from chassis.http import CheckedRoute, Id, Output, SignedIn, provided
from notify.messages.domain import Kind, Message, Status
from notify.messages.store import Messages

router = APIRouter(prefix="/api/notify/v1/{ars}", route_class=CheckedRoute)

Store = Annotated[Messages, provided(Messages)]


class MessageOut(Output):
    """A message in the list."""

    message_id: str
    kind: Kind
    status: Status
    subject: str
    made_at: datetime
    ended_at: datetime | None


class MessageWithText(MessageOut):
    """A message with its text."""

    text: str


class MessagesOut(Output):
    """One's own messages, newest first."""

    messages: list[MessageOut]


@router.get("/messages", operation_id="listMessages", response_model=MessagesOut)
async def list_messages(caller: SignedIn, store: Store) -> MessagesOut:
    """List one's own newest messages."""
    found = await store.of_account(caller.tenant, caller.account)
    return MessagesOut(messages=[MessageOut(**_fields(message.state)) for message in found])


@router.get("/messages/{message_id}", operation_id="getMessage", response_model=MessageWithText)
async def get_message(caller: SignedIn, message_id: Id, store: Store) -> MessageWithText:
    """Return one of one's own messages with its text."""
    found = await store.of_account_one(caller.tenant, message_id, caller.account)
    return MessageWithText(**_fields(found), text=found.text)


def _fields(message: Message) -> dict[str, object]:
    return {
        "message_id": message.id,
        "kind": message.kind,
        "status": message.status,
        "subject": message.subject,
        "made_at": message.made_at,
        "ended_at": message.ended_at,
    }
