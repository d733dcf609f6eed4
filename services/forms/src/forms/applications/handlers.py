"""What became of applications, as the osi-gateway tells it."""

from chassis.broker import Envelope, Handler
from contracts import Event, Tombstone
from contracts.osi_gateway import SubmissionAccepted, SubmissionForwarded, SubmissionRejected
from forms.applications.domain import Application, Fact, Outcome, Reason, follow
from forms.applications.store import Applications

_News = SubmissionForwarded | SubmissionAccepted | SubmissionRejected


def handlers(applications: Applications) -> dict[type[Event] | type[Tombstone], Handler]:
    """Return the functions for ``osi-gateway.submissions``."""

    async def take_over(event: _News, envelope: Envelope, outcome: Outcome, reasons: tuple[Reason, ...] = ()) -> None:
        def decide(state: Application | None) -> tuple[Application, tuple[Fact, ...]] | None:
            if state is None:
                return None
            return follow(state, event.account_id, outcome, event.occurred_at, reasons)

        await applications.absorb(event.application_id, envelope, decide)

    async def mark_forwarded(event: SubmissionForwarded, envelope: Envelope) -> None:
        await take_over(event, envelope, "forwarded")

    async def mark_accepted(event: SubmissionAccepted, envelope: Envelope) -> None:
        await take_over(event, envelope, "accepted")

    async def mark_rejected(event: SubmissionRejected, envelope: Envelope) -> None:
        reasons = tuple(Reason(problem.title, problem.instance) for problem in event.problems)
        await take_over(event, envelope, "rejected", reasons)

    return {
        SubmissionForwarded: mark_forwarded,
        SubmissionAccepted: mark_accepted,
        SubmissionRejected: mark_rejected,
    }
