"""Applications in their collection, and how an account finds its own."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from chassis.aggregates import Aggregates, Loaded
from chassis.clock import Clock
from chassis.documents import Database, Document, Index
from chassis.errors import NotFound
from forms.applications.domain import Application, Attachment, Fact, Reason, Status, Step
from forms.applications.events import publish

_OLDEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_INDEXES: Final = (Index((("tenant", 1), ("account", 1), ("created_at", -1)), "own"),)

Cursor = tuple[datetime, str]
"""Creation and id of the last application of a page."""


@dataclass(frozen=True)
class StatusNow:
    """Where an application stands."""

    status: Status
    version: int
    changed_at: datetime
    steps: tuple[Step, ...]


class BadCursor(Exception):
    """The text is not a cursor that was given out here."""


class ApplicationCodec:
    """An application as fields of its document."""

    schema_version = 1

    def dump(self, state: Application) -> Document:
        """Return the fields."""
        return {
            "account": state.account,
            "service": state.service,
            "reference": state.reference,
            "created_at": state.created_at,
            "changed_at": state.changed_at,
            "status": state.status,
            "answers": dict(state.answers),
            "attachments": [dict(vars(attachment)) for attachment in state.attachments],
            "submitted_at": state.submitted_at,
            "reasons": [dict(vars(reason)) for reason in state.reasons],
            "steps": [dict(vars(step)) for step in state.steps],
        }

    def load(self, document: Document) -> Application:
        """Return the state."""
        return Application(
            id=document["_id"],
            account=document["account"],
            service=document["service"],
            reference=document["reference"],
            created_at=document["created_at"],
            changed_at=document["changed_at"],
            status=document["status"],
            answers=document["answers"],
            attachments=tuple(Attachment(**attachment) for attachment in document["attachments"]),
            submitted_at=document["submitted_at"],
            reasons=tuple(Reason(**reason) for reason in document["reasons"]),
            steps=tuple(Step(**step) for step in document["steps"]),
        )


class Applications(Aggregates[Application, Fact]):
    """All applications of this service's municipalities."""

    def __init__(self, database: Database, clock: Clock, kick: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            database.collection("applications"), ApplicationCodec(), publish, service="forms", clock=clock, kick=kick
        )

    async def prepare(self) -> None:
        """Create the indexes."""
        await self.ensure(_INDEXES)

    async def own(self, tenant: str, account: str, id: str) -> Loaded[Application]:
        """Return an application of this account.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        found = await self.load(tenant, id)
        if found.state.account != account:
            raise NotFound(f"application {id}")
        return found

    async def status_of(self, id: str) -> StatusNow | None:
        """Return where an application stands, without reading the rest of it; None where it is gone."""
        found = await self.documents.find({"_id": id}, limit=1, fields=("v", "status", "changed_at", "steps"))
        if not found:
            return None
        # Shown only: what a newer release knows besides of a step is of no use here.
        steps = tuple(Step(step["status"], step["at"]) for step in found[0]["steps"])
        return StatusNow(found[0]["status"], found[0]["v"], found[0]["changed_at"], steps)

    async def page(
        self, tenant: str, account: str, after: Cursor | None, limit: int
    ) -> tuple[list[Loaded[Application]], Cursor | None]:
        """Return the account's applications, newest first, and where the next page begins; None at the end."""
        newest = {"$lte": after[0]} if after else {}
        where = {"tenant": tenant, "account": account, "created_at": {"$gte": _OLDEST, **newest}}
        # Those made in the very millisecond of the cursor may stand on either side of it.
        found = await self.find(where, sort=(("created_at", -1),), limit=limit + 20)
        ordered = sorted(found, key=_place, reverse=True)
        rest = [loaded for loaded in ordered if after is None or _place(loaded) < after]
        page = rest[:limit]
        return page, _place(page[-1]) if len(rest) > limit else None


def _place(loaded: Loaded[Application]) -> Cursor:
    return loaded.state.created_at, loaded.id


def write_cursor(cursor: Cursor) -> str:
    """Return a cursor as text for clients, who must not read it."""
    return base64.urlsafe_b64encode(f"{cursor[0].isoformat()} {cursor[1]}".encode()).decode()


def read_cursor(text: str) -> Cursor:
    """Read what ``write_cursor`` wrote.

    Raises:
        BadCursor: it was not written here.
    """
    try:
        moment, id = base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii").split(" ")
        at = datetime.fromisoformat(moment)
    except (ValueError, binascii.Error):
        raise BadCursor("Diese Marke wurde hier nicht vergeben.") from None
    if at.tzinfo is None:
        raise BadCursor("Diese Marke wurde hier nicht vergeben.")
    return at, id
