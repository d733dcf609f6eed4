"""Registering an account and proving its address."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from chassis.aggregates import Key
from chassis.clock import Clock
from chassis.documents import Duplicate
from chassis.http import CheckedRoute, Id, Input, Output, PublicCommandKey, Tenant, provided
from chassis.municipalities import Municipalities
from chassis.problems import FieldError, Kind, Refused
from identity.accounts import domain
from identity.accounts.domain import LONGEST_EMAIL, Account, CodeWrong, EmailTaken, Fact, Language, address_key
from identity.accounts.store import Accounts
from identity.passwords.api import prove
from identity.passwords.check import PasswordCheck
from identity.passwords.domain import PasswordRefused, accepted, context_words
from identity.passwords.hashing import Hashing
from identity.pepper.store import Pepper
from identity.sessions.domain import end
from identity.sessions.guard import LiveSession
from identity.sessions.store import Sessions
from identity.sessions.tokens import clear_cookies
from identity.throttles.api import throttled
from identity.throttles.domain import Limit
from identity.throttles.store import Throttles

router = APIRouter(prefix="/api/identity/v1/{ars}", route_class=CheckedRoute, tags=["accounts"])

REGISTRATIONS = Limit(free=5, first=timedelta(seconds=30), longest=timedelta(minutes=15), forget=timedelta(hours=1))
"""Mails to one address: nobody may be flooded by somebody else's registrations."""
PASSWORD_REFUSED = Kind(422, "password-refused", "Dieses Passwort können wir nicht annehmen.")


def _email(value: str) -> str:
    try:
        found = validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError:
        found = ""
    if not 0 < len(found) <= LONGEST_EMAIL:
        raise PydanticCustomError("email", "Bitte geben Sie eine gültige E-Mail-Adresse ein, z. B. name@example.org.")
    return found


EmailAddress = Annotated[str, Field(max_length=LONGEST_EMAIL), AfterValidator(_email)]
Password = Annotated[str, Field(max_length=1_000)]


class Registration(Input):
    """What somebody writes to get an account."""

    email: EmailAddress
    password: Password
    language: Language = "de"


class Registered(Output):
    """The account that waits for its code."""

    account_id: str


class Verification(Input):
    """The code out of the mail."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class OwnAccount(Output):
    """The caller's account."""

    account_id: str
    email: str
    level: Literal["basis", "niedrig", "substanziell", "hoch"]
    """Of the present session."""
    linked: bool
    linked_at: datetime | None = None


class Erasure(Input):
    """Fresh proof that the account is the caller's."""

    password: Password


@dataclass(frozen=True)
class _Asked:
    """A registration, ready to be decided."""

    email: str
    password: str
    language: Language
    known: bool
    code: str
    now: datetime

    def make(self, id: str, pepper: Pepper) -> tuple[Account, Sequence[Fact]]:
        blank = Account(id, self.email, self.password, self.language, self.now, "unverified")
        return domain.register(blank, self.code, _digest(pepper, id, self.code), known=self.known, now=self.now)


@router.post(
    "/accounts",
    status_code=202,
    operation_id="register",
    response_model=Registered,
    summary="Konto anlegen",
)
async def register(
    ars: Tenant,
    body: Registration,
    key: PublicCommandKey,
    accounts: Annotated[Accounts, provided(Accounts)],
    hashing: Annotated[Hashing, provided(Hashing)],
    pepper: Annotated[Pepper, provided(Pepper)],
    throttles: Annotated[Throttles, provided(Throttles)],
    municipalities: Annotated[Municipalities, provided(Municipalities)],
    clock: Annotated[Clock, provided(Clock)],
) -> Registered:
    """Ask for an account: a code comes by mail. The answer is the same whether or not the address has an account."""
    password = _accepted(body, ars, municipalities)
    address = address_key(body.email)
    with throttled():
        await throttles.count(REGISTRATIONS, "registration", ars, address)
    asked = _Asked(
        email=body.email,
        password=await hashing.hash(password),
        language=body.language,
        known=await accounts.holding(ars, body.email) is not None,
        code=f"{secrets.randbelow(10**6):06}",
        now=clock.now(),
    )
    # A plain hash of a body with a password in it could be guessed offline, so the key is kept in its keyed form.
    own = Key(pepper.derive("address", ars, address), key.value, pepper.derive("digest", key.digest))
    done = await accounts.create(ars, own, lambda id: asked.make(id, pepper))
    return Registered(account_id=done.id)


@router.post(
    "/accounts/{account_id}/verification",
    status_code=204,
    operation_id="verifyEmail",
    response_model=None,
    summary="E-Mail-Adresse mit dem Code bestätigen",
)
async def verify_email(
    ars: Tenant,
    account_id: Id,
    body: Verification,
    accounts: Annotated[Accounts, provided(Accounts)],
    pepper: Annotated[Pepper, provided(Pepper)],
    clock: Annotated[Clock, provided(Clock)],
) -> None:
    """Prove the address with the code. A repeat of the right code answers like the first time."""
    digest = _digest(pepper, account_id, body.code)
    now = clock.now()
    try:
        done = await accounts.command(
            ars,
            account_id,
            Key(account_id, f"code:{digest}", ""),
            lambda account: domain.verify(account, digest, now),
            lambda account: {"proven": account.status == "active", "tries_left": domain.tries_left(account)},
        )
    except Duplicate:
        raise EmailTaken from None
    if not done.answer["proven"]:
        raise CodeWrong(done.answer["tries_left"])


@router.get("/account", operation_id="getAccount", response_model=OwnAccount, summary="Eigenes Konto")
async def get_account(ars: Tenant, present: LiveSession) -> OwnAccount:
    """Return the caller's account."""
    account = present.account
    return OwnAccount(
        account_id=account.id,
        email=account.email,
        level=present.session.level,
        linked=account.link is not None,
        linked_at=account.link.linked_at if account.link else None,
    )


@router.post(
    "/account/erasure",
    status_code=204,
    operation_id="eraseAccount",
    response_model=None,
    summary="Eigenes Konto löschen",
)
async def erase_account(
    ars: Tenant,
    body: Erasure,
    present: LiveSession,
    request: Request,
    response: Response,
    accounts: Annotated[Accounts, provided(Accounts)],
    sessions: Annotated[Sessions, provided(Sessions)],
    check: Annotated[PasswordCheck, provided(PasswordCheck)],
    clock: Annotated[Clock, provided(Clock)],
) -> None:
    """Show the password again and delete the account for good. All its sessions end; other services are told."""
    account, now = present.account.id, clock.now()
    await prove(check, ars, present.account, body.password, request)
    await accounts.erase(ars, account, Key(account, "erase", ""), lambda state: domain.delete(state, now))
    # They are refused already, because their account is gone: this tells the others.
    for session in await sessions.of_account(ars, account, now):
        await sessions.command(ars, session.id, Key(account, "end", ""), lambda state: end(state, "revoked", now))
    clear_cookies(response)


def _accepted(body: Registration, ars: str, municipalities: Municipalities) -> str:
    municipality = municipalities.get(ars)
    names = (municipality.name, municipality.slug) if municipality else ()
    try:
        return accepted(body.password, context_words(body.email, *names))
    except PasswordRefused as refused:
        raise Refused(PASSWORD_REFUSED, str(refused), errors=[FieldError("/password", str(refused))]) from None


def _digest(pepper: Pepper, account: str, code: str) -> str:
    return pepper.derive("code", account, code)
