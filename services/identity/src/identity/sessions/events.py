"""What others learn of a session."""

from collections.abc import Sequence

from contracts import Event
from contracts.identity import SessionEnded
from identity.sessions.domain import Ended, Session


def publish(session: Session, fact: Ended) -> Sequence[Event]:
    """Translate one fact; ``session`` is the state after it."""
    return [SessionEnded(occurred_at=fact.at, account_id=session.account, session_id=session.id, reason=fact.reason)]
