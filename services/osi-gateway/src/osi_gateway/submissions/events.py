"""What others learn of a submission: ids and outcomes. The authority's free text stays behind."""

from collections.abc import Sequence

from contracts.event import Event
from contracts.osi_gateway import Problem, SubmissionAccepted, SubmissionForwarded, SubmissionRejected
from osi_gateway.applications.domain import Request
from osi_gateway.submissions.domain import Accepted, Answer, Fact, Forwarded, Submission


class Incomplete(Exception):
    """A fact was stated of a submission that lacks what the fact is about: a bug."""


def publish(submission: Submission, fact: Fact) -> Sequence[Event]:
    """Return the event of a fact."""
    if submission.request is None:
        raise Incomplete(f"submission {submission.application_id} has no request")
    if isinstance(fact, Forwarded):
        return (_forwarded(submission, submission.request.account_id),)
    if submission.answer is None:
        raise Incomplete(f"submission {submission.application_id} has no answer")
    if isinstance(fact, Accepted):
        return (_accepted(submission, submission.request, submission.answer),)
    return (_rejected(submission, submission.request, submission.answer),)


def _forwarded(submission: Submission, account_id: str) -> SubmissionForwarded:
    case, destination_id, sent_at = submission.case, submission.destination_id, submission.sent_at
    if case is None or destination_id is None or sent_at is None:
        raise Incomplete(f"submission {submission.application_id} was not sent")
    return SubmissionForwarded(
        occurred_at=sent_at,
        application_id=submission.application_id,
        account_id=account_id,
        submission_id=case.submission_id,
        case_id=case.case_id,
        destination_id=destination_id,
    )


def _accepted(submission: Submission, request: Request, answer: Answer) -> SubmissionAccepted:
    case, destination_id = submission.case, submission.destination_id
    if case is None or destination_id is None:
        raise Incomplete(f"submission {submission.application_id} was not sent")
    return SubmissionAccepted(
        occurred_at=answer.at,
        application_id=submission.application_id,
        account_id=request.account_id,
        submission_id=case.submission_id,
        case_id=case.case_id,
        destination_id=destination_id,
        service=request.service,
        reference=request.reference,
    )


def _rejected(submission: Submission, request: Request, answer: Answer) -> SubmissionRejected:
    case = submission.case
    return SubmissionRejected(
        occurred_at=answer.at,
        application_id=submission.application_id,
        account_id=request.account_id,
        submission_id=case.submission_id if case else None,
        case_id=case.case_id if case else None,
        destination_id=submission.destination_id,
        problems=tuple(
            Problem(type=problem.type, title=problem.title, instance=problem.instance) for problem in answer.problems
        ),
        service=request.service,
        reference=request.reference,
    )
