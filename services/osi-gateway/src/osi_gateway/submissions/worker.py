"""Takes submissions step by step to the exchange and follows them there until they are answered.

Every step's result is written down, filtered by this worker's claim, before the next begins. A worker that was
overtaken while it slept may still make a call, but that call changes nothing: an announcement that nobody remembers
expires, an upload repeats the same bytes, and the exchange takes a submission only once.
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from chassis.aggregates import Key, Loaded
from chassis.clock import Clock
from chassis.errors import Transient
from chassis.ids import uuid7
from chassis.tracing import span
from osi_gateway.exchange.client import Exchange
from osi_gateway.exchange.domain import LONGEST_PAUSE, Refused, retry_pause
from osi_gateway.letters.domain import tags_of
from osi_gateway.letters.writer import LetterWriter, Order
from osi_gateway.receipts.domain import Expected, was_taken
from osi_gateway.receipts.reader import Log, LogReader
from osi_gateway.submissions import domain
from osi_gateway.submissions.domain import Alarm, Case, ClaimLost, Decided, Step, Submission
from osi_gateway.submissions.store import Submissions

T = TypeVar("T")
_log = logging.getLogger(__name__)

STEP_LIMIT = 20.0
"""Seconds after which a step is broken off; less than the claim lasts, so that its result can still be written."""
TURN = 10.0
"""Seconds after which no further step is begun, so that one submission doesn't hold up the others."""

Result = Callable[[Submission], Decided]
"""What a step has found out, to be decided on the submission as it is when it is written."""


class Forwarder:
    """What the timers do with a submission that is due."""

    def __init__(
        self,
        submissions: Submissions,
        exchange: Exchange,
        writer: LetterWriter,
        log_reader: LogReader,
        clock: Clock,
        poll: timedelta,
    ) -> None:
        self._submissions = submissions
        self._exchange = exchange
        self._writer = writer
        self._log_reader = log_reader
        self._clock = clock
        self._poll = poll
        self._steps: dict[Step, Callable[[Submission], Awaitable[Result]]] = {
            "route": self._route,
            "examine": self._examine,
            "fetch_key": self._fetch_key,
            "seal": self._seal,
            "create": self._create,
            "upload": self._upload,
            "submit": self._submit,
            "reconsider": self._reconsider,
            "follow": self._follow,
            "sweep": self._sweep,
        }

    async def forward(self, found: Loaded[Submission]) -> None:
        """Take the submission as far as it goes now. In the application's own trace."""
        if found.at is None:
            return
        worker = uuid7()
        now = self._clock.now()
        claimed = await self._submissions.timer(found.id, found.at, lambda held: (domain.claim(held, worker, now), ()))
        if claimed is None:
            return
        submission = claimed.state
        turn_ends = time.monotonic() + TURN
        number = 0
        try:
            while submission.claim is not None and (step := domain.next_step(submission)) is not None:
                number += 1
                result = (
                    await self._attempt(step, submission)
                    if time.monotonic() < turn_ends
                    else _hand_over(self._clock.now())
                )
                key = Key(worker, f"{number}:{step}", "")
                known, submission = submission.alarms, await self._write(found, key, worker, result)
                _tell_of(found.id, [alarm for alarm in submission.alarms if alarm not in known])
        except ClaimLost:
            _log.warning("another worker has taken over", extra={"fields": {"application": found.id}})
            await self._tidy(found, worker)

    async def _write(self, found: Loaded[Submission], key: Key, worker: str, result: Result) -> Submission:
        def decide(held: Submission) -> Decided:
            if held.claim is None or held.claim.by != worker:
                raise ClaimLost(f"submission {held.application_id} is not {worker}'s any more")
            return result(held)

        return (await self._submissions.command(found.tenant, found.id, key, decide)).state

    async def _attempt(self, step: Step, submission: Submission) -> Result:
        """Carry out a step; what goes wrong is a result too."""
        fields = {"application": submission.application_id, "step": step}
        try:
            with span(f"submission {step}"):
                async with asyncio.timeout(STEP_LIMIT):
                    return await self._steps[step](submission)
        except Transient as error:
            _log.warning("step postponed", extra={"fields": {**fields, "reason": str(error)}})
            return self._postponed(str(error), error.retry_after, submission)
        except TimeoutError:
            _log.warning("step broken off", extra={"fields": {**fields, "limit": STEP_LIMIT}})
            return self._postponed(f"{step}: no result within {STEP_LIMIT:.0f} s", 1.0, submission)
        except Refused as error:
            return self._refused(step, str(error))

    def _postponed(self, reason: str, retry_after: float, submission: Submission) -> Result:
        jitter = random.random()  # noqa: S311 - spreads load, guards nothing
        wait = retry_pause(submission.failures, timedelta(seconds=retry_after), jitter)
        now = self._clock.now()
        return lambda held: (domain.pause(held, reason, wait, now), ())

    def _refused(self, step: Step, reason: str) -> Result:
        now = self._clock.now()
        if step in ("follow", "sweep"):
            # What was sent is not sent again because its log cannot be read.
            return lambda held: (domain.pause(domain.alarm(held, reason, now), reason, LONGEST_PAUSE, now), ())
        return lambda held: (domain.get_stuck(held, reason, now), ())

    def _done(self, step: Step, change: Callable[[Submission], Submission]) -> Result:
        now = self._clock.now()
        return lambda held: (domain.step_done(change(held), step, now), ())

    async def _route(self, submission: Submission) -> Result:
        request = _known(submission.request)
        destination_id = await self._exchange.find_destination(request.leika_key, request.region)
        if destination_id is None:
            now = self._clock.now()
            return lambda held: domain.unreachable(held, now)
        return self._done("route", lambda held: replace(held, destination_id=destination_id))

    async def _examine(self, submission: Submission) -> Result:
        request = _known(submission.request)
        offer = await self._exchange.examine(_known(submission.destination_id), request.leika_key, request.region)
        return self._done("examine", lambda held: replace(held, destination=offer))

    async def _fetch_key(self, submission: Submission) -> Result:
        kid = _known(submission.destination).encryption_kid
        jwk = await self._exchange.encryption_key(_known(submission.destination_id), kid)
        return self._done("fetch_key", lambda held: replace(held, encryption_key=json.dumps(jwk)))

    async def _seal(self, submission: Submission) -> Result:
        worker = _known(submission.claim).by
        await self._erase(submission, keep=worker)
        order = Order(
            submission.application_id,
            _known(submission.request),
            _known(submission.package),
            _known(submission.destination),
            _known(submission.encryption_key),
        )
        letter = await self._writer.write(order, worker)
        now = self._clock.now()
        return lambda held: (domain.sealed(held, letter, now), ())

    async def _create(self, submission: Submission) -> Result:
        request, letter = _known(submission.request), _known(submission.letter)
        created = await self._exchange.create(
            _known(submission.destination_id),
            request.leika_key,
            request.service,
            request.region,
            [part.id for part in letter.attachments],
        )
        case = Case(created.submission_id, created.case_id)
        return self._done("create", lambda held: replace(held, case=case))

    async def _upload(self, submission: Submission) -> Result:
        part = domain.not_uploaded(submission)[0]
        ciphertext = await self._writer.read(_known(submission.letter), part)
        try:
            await self._exchange.upload(_known(submission.case).submission_id, part.id, ciphertext)
        except Refused as error:
            return await self._unless_sent(submission, error)
        return self._done("upload", lambda held: replace(held, uploaded=(*held.uploaded, part.id)))

    async def _submit(self, submission: Submission) -> Result:
        letter = _known(submission.letter)
        metadata = (await self._writer.read(letter, letter.metadata)).decode()
        data = (await self._writer.read(letter, letter.data)).decode()
        try:
            await self._exchange.submit(_known(submission.case).submission_id, metadata, data)
        except Refused as error:
            return await self._unless_sent(submission, error)
        now = self._clock.now()
        return lambda held: domain.sent(held, now)

    async def _unless_sent(self, submission: Submission, error: Refused) -> Result:
        """Tell "you have sent this already" from "no" by the signed log, not by the words of a refusal."""
        now = self._clock.now()
        if await self._was_sent(submission):
            return lambda held: domain.sent(held, now)
        if self._forgotten(submission, error):
            return lambda held: (domain.create_again(held, now), ())
        raise error

    async def _reconsider(self, submission: Submission) -> Result:
        now = self._clock.now()
        if await self._was_sent(submission):
            return lambda held: domain.sent(held, now)
        return lambda held: (domain.begin_again(held, now), ())

    async def _was_sent(self, submission: Submission) -> bool:
        try:
            log = await self._read_log(submission)
        except Refused as error:
            if not self._forgotten(submission, error):
                raise
            return False
        return was_taken(log.receipts, log.doubts, tags_of(_known(submission.letter)))

    def _forgotten(self, submission: Submission, error: Refused) -> bool:
        """Whether the exchange itself has forgotten what was announced, at a time when it may have."""
        if error.not_found and domain.must_be_known(submission, self._clock.now()):
            raise Transient(str(error))
        return error.forgotten

    async def _follow(self, submission: Submission) -> Result:
        log = await self._read_log(submission)
        now = self._clock.now()
        return lambda held: domain.learn(held, log.receipts, log.doubts, self._poll, now)

    async def _read_log(self, submission: Submission) -> Log:
        case = _known(submission.case)
        expected = Expected(case.submission_id, case.case_id, _known(submission.destination_id))
        return await self._log_reader.read(expected, frozenset(one.jti for one in submission.receipts))

    async def _sweep(self, submission: Submission) -> Result:
        await self._erase(submission)
        return lambda held: (domain.swept(held), ())

    async def _erase(self, submission: Submission, keep: str | None = None) -> None:
        attachments = domain.attachments(submission)
        for folder in submission.folders:
            if folder != keep:
                await self._writer.erase(folder, attachments)

    async def _tidy(self, found: Loaded[Submission], worker: str) -> None:
        """Erase what an overtaken worker has written, unless it is the letter that counts."""
        held = (await self._submissions.load(found.tenant, found.id)).state
        if held.letter is None or held.letter.folder != worker:
            await self._writer.erase(worker, domain.attachments(found.state))


def _tell_of(application_id: str, alarms: Sequence[Alarm]) -> None:
    for alarm in alarms:
        _log.error(
            "a submission needs somebody", extra={"fields": {"application": application_id, "reason": alarm.reason}}
        )


def _hand_over(now: datetime) -> Result:
    return lambda held: (domain.end_turn(held, now), ())


class Missing(Exception):
    """A step was begun without the result of an earlier one: a bug."""


def _known(value: T | None) -> T:
    if value is None:
        raise Missing("an earlier step's result is missing")
    return value
