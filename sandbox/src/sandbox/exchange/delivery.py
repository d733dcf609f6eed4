"""The delivery service: holds ciphertexts, keeps the event log, never sees a plain word.

Every function is one transaction of ``sandbox.store.Store.run``.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.authority.problems import NOT_ANSWERED_IN_TIME
from sandbox.exchange import domain, events, jwe, store
from sandbox.exchange.domain import Destination, Submission
from sandbox.exchange.events import About, Event, TokenInvalid
from sandbox.keys import Keyring
from sandbox.oauth.clients import Client
from sandbox.problems import Problem
from sandbox.store import Connection

MAX_AHEAD = timedelta(minutes=5)
"""How far a token's ``iat`` may lie in the future."""


@dataclass(frozen=True)
class Announcement:
    """Checked body of POST /submissions."""

    destination_id: str
    announced: tuple[str, ...]
    service: str
    service_name: str
    region: str | None
    case_id: str | None


class Delivery:
    """What senders and receivers can do."""

    def __init__(self, keys: Keyring, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer

    def create(self, db: Connection, client: Client, wanted: Announcement, now: datetime) -> Submission:
        """Take an announcement; Problem 404, 409 or 422 when a precondition fails."""
        destination = self.destination(db, wanted.destination_id)
        if wanted.case_id is not None:
            self._check_case(db, client, wanted, now)
        draft = Submission(
            id=str(uuid.uuid4()),
            case_id=wanted.case_id or str(uuid.uuid4()),
            destination_id=destination.id,
            client_id=client.id,
            service=wanted.service,
            service_name=wanted.service_name,
            region=wanted.region,
            announced=wanted.announced,
            created_at=now,
        )
        submission, facts = domain.create(draft, destination)
        store.insert(db, submission)
        self._record(db, submission, facts, now)
        return submission

    def _check_case(self, db: Connection, client: Client, wanted: Announcement, now: datetime) -> None:
        others = store.of_case(db, wanted.case_id or "")
        if not others or others[0].client_id != client.id:
            raise Problem(404, "case-not-found", "Case not found", wanted.case_id or "")
        if others[0].destination_id != wanted.destination_id:
            raise Problem(409, "case-destination-mismatch", "The case belongs to another destination")

    def upload(
        self, db: Connection, client: Client, submission_id: str, attachment_id: str, text: str, now: datetime
    ) -> None:
        """Take one attachment; Problem 404, 409 or 422."""
        submission = self._own(db, client, submission_id, now).submission
        tag = jwe.check(text, self._keys.encryption[submission.destination_id].kid, is_data=False)
        store.save(db, domain.upload(submission, attachment_id, tag))
        store.save_attachment(db, submission.id, attachment_id, text)

    def submit(
        self,
        db: Connection,
        client: Client,
        submission_id: str,
        content: Mapping[str, Any],
        trace: str | None,
        now: datetime,
    ) -> Submission:
        """Take metadata and data and put the submission into the receiver's list; Problem 404, 409 or 422."""
        submission = self._own(db, client, submission_id, now).submission
        if set(content) != {"encryptedMetadata", "encryptedData"}:
            raise Problem(
                422, "schema-violation", "Schema violation", "expected exactly encryptedMetadata and encryptedData"
            )
        kid = self._keys.encryption[submission.destination_id].kid
        metadata = jwe.check(_text(content["encryptedMetadata"]), kid, is_data=True)
        data = jwe.check(_text(content["encryptedData"]), kid, is_data=True)
        submission, facts = domain.submit(submission, metadata, data, now)
        store.save(db, submission)
        store.save_content(db, submission.id, content["encryptedMetadata"], content["encryptedData"], trace)
        self._record(db, submission, facts, now)
        return submission

    def waiting(
        self, db: Connection, client: Client, destination_id: str | None, offset: int, limit: int
    ) -> tuple[int, list[Submission]]:
        """One page of what waits for this receiver; Problem 403 when it is not attached to the destination."""
        if destination_id is not None:
            client.require_destination(destination_id)
        return store.waiting(db, [destination_id] if destination_id else client.destinations, offset, limit)

    def fetch(self, db: Connection, client: Client, submission_id: str, now: datetime) -> store.Entry:
        """A handed-in submission with its ciphertexts, for its receiver; Problem 403 or 404."""
        entry = self._entry(db, submission_id, now)
        client.require_destination(entry.submission.destination_id)
        if entry.metadata is None:
            raise _not_found(submission_id)
        return entry

    def fetch_attachment(
        self, db: Connection, client: Client, submission_id: str, attachment_id: str, now: datetime
    ) -> str:
        """One attachment's JWE, for its receiver; Problem 403 or 404."""
        self.fetch(db, client, submission_id, now)
        found = store.attachment(db, submission_id, attachment_id)
        if found is None:
            raise Problem(404, "attachment-not-found", "Attachment not found", attachment_id)
        return found

    def case_log(
        self, db: Connection, client: Client, case_id: str, offset: int, limit: int, now: datetime
    ) -> tuple[int, list[str]]:
        """One page of a case's event log; Problem 403 or 404."""
        self._case(db, client, case_id, now)
        return store.log(db, case_id=case_id, offset=offset, limit=limit)

    def submission_log(
        self, db: Connection, client: Client, submission_id: str, offset: int, limit: int, now: datetime
    ) -> tuple[int, list[str]]:
        """One page of a submission's event log, for its sender; Problem 404."""
        self._own(db, client, submission_id, now)
        return store.log(db, submission_id=submission_id, offset=offset, limit=limit)

    def post_event(self, db: Connection, client: Client, case_id: str, token: str, now: datetime) -> None:
        """Take the receiver's own event; the very same token again changes nothing. Problem 400, 403, 404, 409, 422."""
        event = self._trusted(db, token, now)
        if event.case_id != case_id:
            raise TokenInvalid(f"txn speaks of case {event.case_id}")
        submission = self._entry(db, event.submission_id, now).submission
        client.require_destination(submission.destination_id)
        if submission.case_id != case_id or event.issuer != submission.destination_id:
            raise TokenInvalid("iss, sub and txn do not belong together")
        known = store.event_token(db, event.jti)
        if known == token:
            return
        if known is not None:
            raise Problem(409, "event-already-exists", "Another event has this jti", event.jti)
        store.save(db, _applied(submission, event, now))
        store.append_event(db, _about(submission), event.jti, event.name, token, now)

    def _trusted(self, db: Connection, token: str, now: datetime) -> Event:
        event = events.verify(token, lambda issuer, kid: self.signing_key(db, issuer, kid))
        if event.issued_at > (now + MAX_AHEAD).timestamp():
            raise TokenInvalid("iat lies in the future")
        return event

    def destination(self, db: Connection, id: str) -> Destination:
        """One destination; Problem 404."""
        found = store.destination(db, id)
        if found is None or id not in self._keys.encryption:
            raise Problem(404, "destination-not-found", "Destination not found", id)
        return found

    def public_key(self, db: Connection, destination_id: str, kid: str) -> Mapping[str, Any]:
        """The destination's key of this name, for encryption or for signatures; Problem 404."""
        self.destination(db, destination_id)
        for pair in (self._keys.encryption[destination_id], self._keys.signing[destination_id]):
            if pair.kid == kid:
                return pair.public
        raise Problem(404, "key-not-found", "Key not found", kid)

    def signing_key(self, db: Connection, issuer: str, kid: str) -> Mapping[str, Any] | None:
        """The key with which a destination signs, or None."""
        pair = self._keys.signing.get(issuer)
        return pair.public if pair is not None and pair.kid == kid else None

    def pass_time(self, db: Connection, now: datetime) -> list[Submission]:
        """Do what deadlines demand, tell receivers of what is new, and return what they have just been told of."""
        for submission in store.due(db, now):
            self._pass_time(db, submission, now)
        store.drop_old_cases(db, now - domain.LOG_KEPT)
        told = []
        for submission in store.in_state(db, domain.State.SUBMITTED):
            notified, facts = domain.notify(submission)
            store.save(db, notified)
            self._record(db, notified, facts, now)
            told.append(notified)
        return told

    def _pass_time(self, db: Connection, submission: Submission, now: datetime) -> Submission:
        later, facts = domain.pass_time(submission, now, NOT_ANSWERED_IN_TIME)
        if facts:
            store.save(db, later)
            self._record(db, later, facts, now)
        return later

    def _entry(self, db: Connection, submission_id: str, now: datetime) -> store.Entry:
        found = store.entry(db, submission_id)
        if found is not None and self._pass_time(db, found.submission, now) is not found.submission:
            found = store.entry(db, submission_id)
        if found is None:
            raise _not_found(submission_id)
        return found

    def _own(self, db: Connection, client: Client, submission_id: str, now: datetime) -> store.Entry:
        entry = self._entry(db, submission_id, now)
        if entry.submission.client_id != client.id:
            # A stranger learns no more than that there is nothing for him.
            raise _not_found(submission_id)
        return entry

    def _case(self, db: Connection, client: Client, case_id: str, now: datetime) -> None:
        submissions = [self._pass_time(db, one, now) for one in store.of_case(db, case_id)]
        if not submissions or (client.sends and submissions[0].client_id != client.id):
            raise Problem(404, "case-not-found", "Case not found", case_id)
        if not client.sends:
            client.require_destination(submissions[0].destination_id)

    def _record(self, db: Connection, submission: Submission, facts: Sequence[domain.Fact], now: datetime) -> None:
        about = _about(submission)
        for fact in facts:
            name, payload = events.name_of(fact)
            jti, token = events.sign(self._keys.delivery, self._issuer, about, name, payload, now)
            store.append_event(db, about, jti, name, token, now)


def _about(submission: Submission) -> About:
    return About(submission.id, submission.case_id)


def _applied(submission: Submission, event: Event, now: datetime) -> Submission:
    match event.name:
        case "accept-submission":
            return domain.accept(submission, events.tags_from(event.payload), now)
        case "reject-submission":
            _check_reasons(event.payload.get("problems"))
            return domain.reject(submission, now)
        case "forward-submission":
            return domain.forward(submission)
        case name:
            raise TokenInvalid(f"{name} is not a receiver's event")


_INSTANCE = re.compile(r"submission|metadata|data|attachments|attachment:[0-9a-f-]{36}")


def _check_reasons(given: Any) -> None:
    if not isinstance(given, list) or not given:
        raise TokenInvalid("problems must name at least one problem")
    for one in given:
        names = set(asdict(domain.Reason("", "", "", "")))
        if not isinstance(one, dict) or set(one) != names or not all(isinstance(v, str) for v in one.values()):
            raise TokenInvalid(f"a problem has exactly {', '.join(sorted(names))}")
        if not _INSTANCE.fullmatch(one["instance"]):
            raise TokenInvalid(f"unknown instance {one['instance']}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Problem(422, "schema-violation", "Schema violation", "a compact JWE is a string")
    return value


def _not_found(submission_id: str) -> Problem:
    return Problem(404, "submission-not-found", "Submission not found", submission_id)
