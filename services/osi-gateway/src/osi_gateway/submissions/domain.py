"""One application on its way to the authority: what is known, what comes next, what each answer changes.

The way is a list of steps. Each is carried out once, its result is written down before the next begins, and
``next_step`` reads from what is written which one comes next. So a process may die between any two of them.
A worker claims the submission for ``LEASE`` and loses the right to write when its claim has run out.
Deadlines and the meaning of events: FIT-Connect, "notifications and deletion deadlines" and "event log".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from osi_gateway.applications.domain import Package, Request, check_same_fact
from osi_gateway.exchange.domain import Offer
from osi_gateway.letters.domain import Letter, Part, Tags, tags_of
from osi_gateway.receipts.domain import LONGEST_POLL, Problem, Receipt, poll_pause, strange

Step = Literal["route", "examine", "fetch_key", "seal", "create", "upload", "submit", "reconsider", "follow", "sweep"]
State = Literal["waiting", "working", "stuck", "forwarded", "accepted", "rejected"]
Outcome = Literal["accepted", "rejected"]

LEASE = timedelta(seconds=30)
"""How long a claim lasts. Each step must end well before; see ``worker.STEP_LIMIT``."""
ANSWER_WITHIN = timedelta(days=14)
"""On this day after the submission the exchange itself rejects what nobody has answered."""
STUCK_PAUSE = timedelta(hours=1)
"""Between two looks at a submission that only a repair can help: a route, a schema, a key, our own code."""
FORGOTTEN_AFTER = timedelta(hours=25)
"""The exchange deletes an announcement that was never sent after a day; then no late worker can send it any more."""
CREATE_PAUSE = timedelta(minutes=1)
"""Before a submission is announced anew."""
ORDER_PATIENCE = timedelta(minutes=10)
"""How long an application that cannot go out holds up those that were handed in after it."""
MOST_NOTES = 32
"""Marks, alarms and receipts that are kept, each."""

NO_ANSWER = "urn:rathaus:problem:no-answer"
NO_ROUTE = "urn:rathaus:problem:no-route"


class ClaimLost(Exception):
    """Another worker has taken over; whatever this one has found out counts for nothing."""


@dataclass(frozen=True)
class Case:
    """What the exchange calls the submission."""

    submission_id: str
    case_id: str


@dataclass(frozen=True)
class Claim:
    """Who works on the submission, and until when."""

    by: str
    until: datetime


@dataclass(frozen=True)
class Answer:
    """How it ended."""

    outcome: Outcome
    at: datetime
    jti: str | None = None
    """Of the signed answer; None where nobody signed one: no route, no answer in time."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A step that was done, and when."""

    step: str
    at: datetime


@dataclass(frozen=True)
class Alarm:
    """Something an operator must look at. Without personal data."""

    reason: str
    at: datetime


@dataclass(frozen=True)
class Submission:
    """All that is written down of one submission."""

    application_id: str
    request: Request | None = None
    package: Package | None = None
    """Removed after a verified accept; kept after a rejection, so that it can be mended and sent again."""
    released_at: datetime | None = None
    wake_at: datetime | None = None
    claim: Claim | None = None
    failures: int = 0
    """Tries of the present step that failed in a row."""
    trouble: str | None = None
    """Why the last try failed. Without personal data."""
    stuck: bool = False
    destination_id: str | None = None
    destination: Offer | None = None
    """The destination, as it was when it was examined."""
    encryption_key: str | None = None
    """The destination's public key, a JWK as JSON."""
    folders: tuple[str, ...] = ()
    """Where ciphertexts may lie: one folder for each worker that began to seal."""
    letter: Letter | None = None
    case: Case | None = None
    uploaded: tuple[str, ...] = ()
    sent_at: datetime | None = None
    receipts: tuple[Receipt, ...] = ()
    answer: Answer | None = None
    swept: bool = False
    marks: tuple[Mark, ...] = ()
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True)
class Forwarded:
    """The exchange has taken the submission."""


@dataclass(frozen=True)
class Accepted:
    """The authority has signed that it holds exactly what was sent."""


@dataclass(frozen=True)
class Rejected:
    """The submission was refused, or never found an authority."""


Fact = Forwarded | Accepted | Rejected
Decided = tuple[Submission, Sequence[Fact]]


def take_request(submission: Submission, request: Request, now: datetime) -> Submission:
    """Remember the public event.

    Raises:
        TwoFacts: the sealed event that is here already belongs to another submission.
    """
    return _begin(replace(submission, request=submission.request or request), now)


def take_package(submission: Submission, package: Package, now: datetime) -> Submission:
    """Remember the sealed event.

    Raises:
        TwoFacts: the public event that is here already belongs to another submission.
    """
    return _begin(replace(submission, package=submission.package or package), now)


def release(submission: Submission, now: datetime) -> Submission:
    """Let the submission go out, since its account is linked. A second release changes nothing."""
    if submission.released_at is not None:
        return submission
    return _begin(replace(submission, released_at=now), now)


def gone_out(submission: Submission, now: datetime) -> bool:
    """Whether the next application of the same citizen may follow: this one was sent, or it holds the others up."""
    if submission.sent_at is not None or submission.answer is not None or submission.stuck:
        return True
    return submission.released_at is not None and now >= submission.released_at + ORDER_PATIENCE


def _begin(submission: Submission, now: datetime) -> Submission:
    request, package = submission.request, submission.package
    if request and package:
        check_same_fact(request, package)
    if submission.wake_at is None and submission.claim is None and next_step(submission) == "route":
        return replace(submission, wake_at=now)
    return submission


def next_step(submission: Submission) -> Step | None:
    """Return what has to be done next; None while something is missing, and when everything is done."""
    if submission.answer is not None:
        return None if submission.swept else "sweep"
    if submission.request is None or submission.package is None or submission.released_at is None:
        return None
    if submission.sent_at is not None:
        return "follow"
    return _next_before_sending(submission)


def _next_before_sending(submission: Submission) -> Step:
    if submission.stuck and submission.case is not None:
        return "reconsider"
    results: tuple[tuple[Step, object], ...] = (
        ("route", submission.destination_id),
        ("examine", submission.destination),
        ("fetch_key", submission.encryption_key),
        ("seal", submission.letter),
        ("create", submission.case),
    )
    for step, result in results:
        if result is None:
            return step
    return "upload" if not_uploaded(submission) else "submit"


def not_uploaded(submission: Submission) -> tuple[Part, ...]:
    """Return the attachments that the exchange does not hold yet."""
    letter = submission.letter
    return tuple(part for part in letter.attachments if part.id not in submission.uploaded) if letter else ()


def attachments(submission: Submission) -> int:
    """Return how many attachments there are, also when the package is gone."""
    if submission.letter is not None:
        return len(submission.letter.attachments)
    return len(submission.package.files) if submission.package else 0


def state(submission: Submission) -> State:
    """Return the state in one word, for people."""
    if submission.answer is not None:
        return submission.answer.outcome
    if submission.stuck:
        return "stuck"
    if submission.sent_at is not None:
        return "forwarded"
    return "waiting" if next_step(submission) is None else "working"


def due_at(submission: Submission) -> datetime | None:
    """Return when the timers must look again: when a pause or a claim ends."""
    return submission.claim.until if submission.claim else submission.wake_at


def claim(submission: Submission, by: str, now: datetime) -> Submission:
    """Give one worker the right to write."""
    return _note_folder(replace(submission, claim=Claim(by, now + LEASE)))


def _note_folder(submission: Submission) -> Submission:
    """Write down where the worker will put ciphertexts before it does, so that none is forgotten after a crash."""
    held = submission.claim
    if held is None or held.by in submission.folders or next_step(submission) != "seal":
        return submission
    return replace(submission, folders=(*submission.folders, held.by)[-MOST_NOTES:])


def step_done(submission: Submission, step: str, now: datetime) -> Submission:
    """Note that a step was done and give the worker time for the next."""
    held = submission.claim
    noted = replace(
        submission,
        claim=Claim(held.by, now + LEASE) if held else None,
        failures=0,
        trouble=None,
        stuck=False,
        marks=(*submission.marks, Mark(step, now))[-MOST_NOTES:],
    )
    return _note_folder(noted)


def sealed(submission: Submission, letter: Letter, now: datetime) -> Submission:
    """Keep the ciphertexts. All folders stay noted: an overtaken worker may still write into its own."""
    return step_done(replace(submission, letter=letter), "seal", now)


def sent(submission: Submission, now: datetime) -> Decided:
    """Note that the exchange has taken the submission; from now on its event log is followed."""
    if submission.sent_at is not None:
        return submission, ()
    return replace(step_done(submission, "submit", now), sent_at=now), (Forwarded(),)


def unreachable(submission: Submission, now: datetime) -> Decided:
    """No authority takes this service for this region by the exchange: the citizen is told so."""
    problem = Problem(
        NO_ROUTE,
        "Kein elektronischer Weg zur Behörde",
        "Für diese Leistung nimmt an Ihrem Ort noch keine Behörde Anträge über den Datenaustausch des Landes an.",
    )
    return _end(submission, Answer("rejected", now, problems=(problem,)), now)


def must_be_known(submission: Submission, now: datetime) -> bool:
    """Whether the exchange cannot have forgotten the announcement yet: whoever says so now is mistaken."""
    return any(mark.step == "create" and now < mark.at + FORGOTTEN_AFTER for mark in submission.marks)


def create_again(submission: Submission, now: datetime) -> Submission:
    """The exchange has forgotten a submission that was never sent (it does so after a day): announce it anew."""
    held = step_done(replace(submission, case=None, uploaded=()), "expired", now)
    return replace(held, claim=None, wake_at=now + CREATE_PAUSE)


def pause(submission: Submission, reason: str, wait: timedelta, now: datetime) -> Submission:
    """Leave the step as it is and try it again after ``wait``."""
    return replace(submission, claim=None, wake_at=now + wait, failures=submission.failures + 1, trouble=reason)


def end_turn(submission: Submission, now: datetime) -> Submission:
    """Let the other submissions go on first; this one is due at once."""
    return replace(submission, claim=None, wake_at=now)


def get_stuck(submission: Submission, reason: str, now: datetime) -> Submission:
    """Only a repair can help. The way begins again from the route, for a repair may lie anywhere on it.

    What was announced already must be forgotten by the exchange first, and a worker that slept may have sent it
    meanwhile: so the letter is kept, and the log is asked before another one is written.
    """
    if submission.case is None:
        return _stuck(_from_the_start(submission), reason, STUCK_PAUSE, now)
    return _stuck(submission, reason, FORGOTTEN_AFTER, now)


def _stuck(submission: Submission, reason: str, wait: timedelta, now: datetime) -> Submission:
    return pause(alarm(replace(submission, stuck=True), reason, now), reason, wait, now)


def begin_again(submission: Submission, now: datetime) -> Submission:
    """What was announced was never sent and cannot be any more: begin from the route."""
    return step_done(_from_the_start(submission), "reconsider", now)


def _from_the_start(submission: Submission) -> Submission:
    return replace(
        submission, destination_id=None, destination=None, encryption_key=None, letter=None, case=None, uploaded=()
    )


def alarm(submission: Submission, reason: str, now: datetime) -> Submission:
    """Note once for each reason that somebody must look at it."""
    if any(known.reason == reason for known in submission.alarms):
        return submission
    return replace(submission, alarms=(*submission.alarms, Alarm(reason, now))[-MOST_NOTES:])


def learn(
    submission: Submission, receipts: Sequence[Receipt], doubts: Sequence[str], every: timedelta, now: datetime
) -> Decided:
    """Apply what the event log says: each receipt once by its ``jti``; what could not be verified only alarms.

    Without an answer the log is read again after a growing pause, and on day 14 the submission counts as rejected.
    But what could not be verified may be the answer: then only a repair can tell, and nothing is said until then.
    """
    doubts = [*doubts, *strange(receipts, _sent_tags(submission))]
    for doubt in doubts:
        submission = alarm(submission, doubt, now)
    for receipt in receipts:
        if not strange([receipt], _sent_tags(submission)) and all(
            known.jti != receipt.jti for known in submission.receipts
        ):
            submission, facts = _apply(submission, receipt, now)
            if facts:
                return submission, facts
    if submission.sent_at is not None and now >= submission.sent_at + ANSWER_WITHIN:
        if doubts:
            return pause(replace(submission, stuck=True), doubts[0], LONGEST_POLL, now), ()
        problem = Problem(
            NO_ANSWER,
            "Keine Antwort der Behörde",
            f"Die Behörde hat innerhalb von {ANSWER_WITHIN.days} Tagen nicht geantwortet.",
        )
        return _end(submission, Answer("rejected", now, problems=(problem,)), now)
    wake_at = now + poll_pause(submission.sent_at or now, every, now)
    if submission.sent_at is not None:
        wake_at = min(wake_at, max(now, submission.sent_at + ANSWER_WITHIN))
    return replace(submission, claim=None, wake_at=wake_at, failures=0, trouble=None), ()


def _sent_tags(submission: Submission) -> Tags | None:
    return tags_of(submission.letter) if submission.letter else None


def _apply(submission: Submission, receipt: Receipt, now: datetime) -> Decided:
    submission = replace(submission, receipts=(*submission.receipts, receipt)[-MOST_NOTES:])
    if receipt.kind == "accept":
        return _end(submission, Answer("accepted", now, receipt.jti), now)
    if receipt.kind == "reject":
        return _end(submission, Answer("rejected", now, receipt.jti, receipt.problems), now)
    return submission, ()


def _end(submission: Submission, answer: Answer, now: datetime) -> Decided:
    ended = replace(
        step_done(submission, answer.outcome, now),
        answer=answer,
        wake_at=None,
        package=None if answer.outcome == "accepted" else submission.package,
    )
    return ended, (Accepted() if answer.outcome == "accepted" else Rejected(),)


def swept(submission: Submission) -> Submission:
    """The ciphertexts are gone; nothing is left to do."""
    return replace(submission, swept=True, folders=(), claim=None, wake_at=None, failures=0, trouble=None)
