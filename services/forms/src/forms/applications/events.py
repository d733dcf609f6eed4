"""What the town hears of an application: the open events carry ids, the answers travel sealed."""

from collections.abc import Sequence
from typing import cast

from contracts import Event
from contracts.forms import ApplicationPackaged, ApplicationStatusChanged, ApplicationSubmitted, Attachment
from contracts.identity import Level
from forms.applications.domain import Application, Fact, Submitted


def publish(state: Application, fact: Fact) -> Sequence[Event]:
    """Return the events of a fact; ``state`` is how it left the application."""
    if isinstance(fact, Submitted):
        return _submitted(state, fact)
    changed = ApplicationStatusChanged(
        occurred_at=state.changed_at,
        application_id=state.id,
        account_id=state.account,
        status=fact.status,
        changed_at=state.changed_at,
    )
    return (changed,)


def _submitted(state: Application, fact: Submitted) -> Sequence[Event]:
    openly = ApplicationSubmitted(
        occurred_at=state.changed_at,
        application_id=state.id,
        fact_id=fact.fact_id,
        account_id=state.account,
        service=state.service,
        leika_key=fact.leika_key,
        region=fact.region,
        level=cast(Level, fact.level),
        reference=state.reference,
    )
    sealed = ApplicationPackaged(
        occurred_at=state.changed_at,
        application_id=state.id,
        fact_id=fact.fact_id,
        account_id=state.account,
        sealed=fact.sealed,
        attachments=tuple(
            Attachment(
                attachment_id=held.id,
                blob=held.blob,
                sha512=held.sha512,
                size=held.size,
                media_type=held.media_type,
            )
            for held in state.attachments
        ),
    )
    return openly, sealed
