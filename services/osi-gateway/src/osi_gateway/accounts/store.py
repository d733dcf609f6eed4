"""Accounts in their collection."""

from typing import Any

from chassis.aggregates import Aggregates
from chassis.clock import Clock
from chassis.documents import Database, Document
from osi_gateway.accounts.domain import Account, Waiting


class AccountCodec:
    """How an account stands in its document."""

    schema_version = 1

    def dump(self, state: Account) -> Document:
        """Return the fields of the document."""
        waiting = [{"application_id": one.application_id, "submitted_at": one.submitted_at} for one in state.waiting]
        return {
            "linked_at": state.linked_at,
            "level": state.level,
            "waiting": waiting,
            "release_at": state.release_at,
        }

    def load(self, document: Document) -> Account:
        """Return the state."""
        waiting: list[dict[str, Any]] = document["waiting"]
        return Account(
            linked_at=document["linked_at"],
            level=document["level"],
            waiting=tuple(Waiting(one["application_id"], one["submitted_at"]) for one in waiting),
            release_at=document["release_at"],
        )


class Accounts(Aggregates[Account, None]):
    """The collection; an account's id is that of the identity service."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(
            database.collection("accounts"),
            AccountCodec(),
            lambda state, fact: (),
            service="osi-gateway",
            clock=clock,
            due_at=lambda account: account.release_at,
        )
