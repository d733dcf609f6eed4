"""The evidence of a submission for the citizen: where it went, when, and who signed for it. Without its contents."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter

from chassis.errors import NotFound
from chassis.http import CheckedRoute, Output, SignedIn, provided
from osi_gateway.submissions.domain import Submission, state
from osi_gateway.submissions.store import Submissions

router = APIRouter(prefix="/api/osi-gateway/v1/{ars}", route_class=CheckedRoute, tags=["submissions"])


class StepDone(Output):
    """A step on the way."""

    step: str
    at: datetime


class ProblemShown(Output):
    """A reason of a rejection, as the authority wrote it."""

    type: str
    title: str
    detail: str
    instance: str


class ReceiptShown(Output):
    """A signed entry of the exchange's event log."""

    jti: str
    kind: str
    issued_at: datetime


class Evidence(Output):
    """What is known of a submission."""

    application_id: str
    state: Literal["waiting", "working", "stuck", "forwarded", "accepted", "rejected"]
    destination_id: str | None
    destination: str | None
    submission_id: str | None
    case_id: str | None
    encryption_kid: str | None
    schema_uri: str | None
    sent_at: datetime | None
    answered_at: datetime | None
    answer_jti: str | None
    problems: list[ProblemShown]
    steps: list[StepDone]
    receipts: list[ReceiptShown]


@router.get("/submissions/{application_id}", operation_id="get_submission", response_model=Evidence)
async def get_submission(
    application_id: str, caller: SignedIn, submissions: Annotated[Submissions, provided(Submissions)]
) -> Evidence:
    """Return the evidence of an own application's submission."""
    found = await submissions.load(caller.tenant, application_id)
    request = found.state.request
    if request is None or request.account_id != caller.account:
        raise NotFound(f"submissions {application_id}")
    return _evidence(found.state)


def _evidence(submission: Submission) -> Evidence:
    case, destination, answer = submission.case, submission.destination, submission.answer
    return Evidence(
        application_id=submission.application_id,
        state=state(submission),
        destination_id=submission.destination_id,
        destination=destination.name if destination else None,
        submission_id=case.submission_id if case else None,
        case_id=case.case_id if case else None,
        encryption_kid=destination.encryption_kid if destination else None,
        schema_uri=submission.letter.schema_uri if submission.letter else None,
        sent_at=submission.sent_at,
        answered_at=answer.at if answer else None,
        answer_jti=answer.jti if answer else None,
        problems=[
            ProblemShown(type=one.type, title=one.title, detail=one.detail, instance=one.instance)
            for one in (answer.problems if answer else ())
        ],
        steps=[StepDone(step=mark.step, at=mark.at) for mark in submission.marks],
        receipts=[ReceiptShown(jti=one.jti, kind=one.kind, issued_at=one.issued_at) for one in submission.receipts],
    )
