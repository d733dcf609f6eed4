"""Submissions in their collection."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import TypeAdapter

from chassis.aggregates import Aggregates
from chassis.clock import Clock
from chassis.documents import Database, Document
from osi_gateway.submissions.domain import Fact, Submission, due_at
from osi_gateway.submissions.events import publish

_SUBMISSION = TypeAdapter(Submission)


class SubmissionCodec:
    """How a submission stands in its document."""

    schema_version = 1

    def dump(self, state: Submission) -> Document:
        """Return the fields of the document."""
        return {
            field.name: _plain(getattr(state, field.name)) for field in fields(state) if field.name != "application_id"
        }

    def load(self, document: Document) -> Submission:
        """Return the state."""
        return _SUBMISSION.validate_python({**document, "application_id": document["_id"]})


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, frozenset):
        return [_plain(entry) for entry in sorted(value)]
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return value


class Submissions(Aggregates[Submission, Fact]):
    """The collection; a submission's id is the application's."""

    def __init__(self, database: Database, clock: Clock, kick: Callable[[], None]) -> None:
        super().__init__(
            database.collection("submissions"),
            SubmissionCodec(),
            publish,
            service="osi-gateway",
            clock=clock,
            kick=kick,
            due_at=due_at,
        )
