"""The receiving authority at work: pull, check, keep, and only then answer (FIT-Connect: process and acknowledge)."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import httpx

from chassis.clock import Clock
from chassis.tracing import span
from sandbox.authority import inbox
from sandbox.authority.behaviour import Behaviour, Order
from sandbox.authority.client import ExchangeClient
from sandbox.authority.domain import Mode, State
from sandbox.authority.inbox import Received
from sandbox.authority.schemas import Schemas
from sandbox.authority.verification import Verdict, judge
from sandbox.exchange import events
from sandbox.exchange import store as exchange_store
from sandbox.exchange.delivery import Delivery
from sandbox.exchange.domain import Reason
from sandbox.exchange.events import About
from sandbox.keys import Keyring, RsaPair
from sandbox.store import Connection, Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How fast the authority works."""

    delay: float
    """Seconds between finding a submission and answering it."""
    poll: float
    """Seconds between two looks."""


class Authority:
    """Answers every submission once, whatever happens in between."""

    def __init__(
        self,
        exchange: ExchangeClient,
        store: Store,
        clock: Clock,
        keys: Keyring,
        schemas: Schemas,
        behaviour: Behaviour,
        delivery: Delivery,
        pace: Pace,
        *,
        delivery_issuer: str,
    ) -> None:
        self._exchange = exchange
        self._store = store
        self._clock = clock
        self._keys = keys
        self._schemas = schemas
        self._behaviour = behaviour
        self._delivery = delivery
        self._pace = pace
        self._delivery_issuer = delivery_issuer
        self._wake = asyncio.Event()
        self._found_at: dict[str, float] = {}

    def wake(self) -> None:
        """Look at once: the delivery service has told of something new."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            wait = self._pace.poll
            try:
                wait = await self.look()
            except Exception as error:
                _log.warning("exchange not available", extra={"fields": {"error": type(error).__name__}})
            # Not wait_for: in Python 3.11 it can lose a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            self._wake.clear()

    async def look(self) -> float:
        """Receive what is new, answer what is due, and return in how many seconds to look again."""
        now = asyncio.get_running_loop().time()
        soonest = self._pace.poll
        found_at: dict[str, float] = {}
        async for submission_id in self._exchange.waiting():
            found_at[submission_id] = self._found_at.get(submission_id, now)
            remaining = found_at[submission_id] + self._pace.delay - now
            try:
                if await self._work_on(submission_id, due=remaining <= 0) and remaining > 0:
                    soonest = min(soonest, remaining)
            except Exception as error:
                _not_done(submission_id, error)
        self._found_at = found_at
        await self._repeat_answers(found_at)
        return soonest

    async def _repeat_answers(self, listed: Mapping[str, float]) -> None:
        """Post again what was prepared and never confirmed, and is no longer listed: perhaps it has arrived."""
        for received in await self._store.run(inbox.unconfirmed):
            if received.submission_id not in listed:
                try:
                    await self._answer(received)
                except Exception as error:
                    _not_done(received.submission_id, error)

    async def _work_on(self, submission_id: str, *, due: bool) -> bool:
        """Receive, and answer when due; return whether an answer will come."""
        received = await self._store.run(lambda db: inbox.get(db, submission_id)) or await self._receive(submission_id)
        if received.mode is Mode.SILENT:
            return False
        if due:
            await self._answer(received)
        return True

    async def _receive(self, submission_id: str) -> Received:
        fetched = await self._exchange.fetch(submission_id)
        with span("sandbox authority receives", fetched.trace):
            keys = await self._exchange.delivery_keys()
            log = await self._exchange.event_log(fetched.case_id)
            destination = await self._store.run(lambda db: self._delivery.destination(db, fetched.destination_id))

            def public_key(issuer: str, kid: str) -> Mapping[str, Any] | None:
                if issuer == self._delivery_issuer:
                    return keys.get(kid)
                own = self._keys.signing.get(issuer)
                return own.public if own is not None and own.kid == kid else None

            private = self._keys.encryption[destination.id].private
            verdict = await asyncio.to_thread(judge, fetched, log, public_key, private, destination, self._schemas)
            order = self._behaviour.take(inbox.reference_of(verdict.metadata), destination.id)
            problems = _problems(order, verdict)
            now = self._clock.now()
            await self._store.run(lambda db: inbox.keep(db, fetched, verdict, order.mode, problems, now))
        kept = await self._store.run(lambda db: inbox.get(db, submission_id))
        if kept is None:
            raise LookupError(f"submission {submission_id} was not kept")
        return kept

    async def _answer(self, received: Received) -> None:
        with span("sandbox authority answers", received.trace):
            if received.mode in (Mode.WRONG_KEY, Mode.WRONG_TAGS):
                await self._store.run(lambda db: self._forge(db, received))
                return
            token = await self._store.run(lambda db: received.answer or self._prepare(db, received))
            try:
                await self._exchange.post_event(received.case_id, token)
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 409:
                    raise
                # Another event has ended it: after 14 days the delivery service rejects by itself.
                _log.warning("answer came too late", extra={"fields": {"submission": received.submission_id}})
                await self._store.run(
                    lambda db: inbox.finish(db, received.submission_id, State.REJECTED, self._clock.now())
                )
                return
            await self._store.run(lambda db: self._finish(db, received))

    def _prepare(self, db: Connection, received: Received) -> str:
        """Sign the answer and keep it before it goes out."""
        _, _, token = self._sign(received)
        pending = State.REJECTION_PENDING if received.problems else State.PROCESS_STARTED
        inbox.keep_answer(db, received.submission_id, pending, token)
        return token

    def _finish(self, db: Connection, received: Received) -> None:
        state = State.REJECTED if received.problems else State.ACCEPTED
        now = self._clock.now()
        inbox.finish(db, received.submission_id, state, now)
        if received.mode is Mode.ACCEPT_TWICE and state is State.ACCEPTED:
            exchange_store.append_event(db, _about(received), *self._sign(received), now)

    def _forge(self, db: Connection, received: Received) -> None:
        """Put a false acceptance into the log, as a broken delivery service would, then wait for a test's release."""
        pair = self._keys.signing[received.destination_id]
        claimed = replace(received, problems=())
        if received.mode is Mode.WRONG_KEY:
            # Names the right key, so that only the signature gives it away.
            pair = RsaPair(self._keys.portal.private, pair.public)
        else:
            claimed = replace(claimed, tags=replace(received.tags, data=received.tags.data[::-1]))
        exchange_store.append_event(db, _about(received), *self._sign(claimed, pair), self._clock.now())
        inbox.set_mode(db, received.submission_id, Mode.SILENT)

    def _sign(self, received: Received, pair: RsaPair | None = None) -> tuple[str, str, str]:
        """Return jti, event name and token of the answer."""
        issuer = received.destination_id
        name, payload = _answer_of(received)
        pair = pair or self._keys.signing[issuer]
        jti, token = events.sign(pair, issuer, _about(received), name, payload, self._clock.now())
        return jti, name, token


def _not_done(submission_id: str, error: Exception) -> None:
    # It is looked at again, and must not end the work on all others.
    told = {"submission": submission_id, "error": type(error).__name__}
    _log.warning("submission not worked off", extra={"fields": told})


def _about(received: Received) -> About:
    return About(received.submission_id, received.case_id)


def _problems(order: Order, verdict: Verdict) -> list[Reason]:
    return list(order.problems) if order.mode is Mode.REJECT else list(verdict.problems)


def _answer_of(received: Received) -> tuple[str, dict[str, object]]:
    if received.problems:
        return "reject-submission", {"problems": [asdict(one) for one in received.problems]}
    return "accept-submission", {"authenticationTags": events.tags_payload(received.tags)}
