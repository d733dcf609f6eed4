"""What others learn of an account. Address and code travel on restricted topics only."""

from collections.abc import Sequence

from contracts import Event
from contracts.identity import (
    AccountErased,
    AccountLinked,
    AccountRegistered,
    ContactChanged,
    EmailVerified,
    VerificationRequested,
)
from identity.accounts.domain import Account, Deleted, Fact, Linked, Registered, RegisteredAgain, Verified


def publish(account: Account, fact: Fact) -> Sequence[Event]:
    """Translate one fact; ``account`` is the state after it."""
    match fact:
        case Registered(code):
            return [_registered(account), _message(account, code)]
        case RegisteredAgain():
            # The same public event as of a new address: whoever reads the topic must not learn which ones are known.
            return [_registered(account), _message(account, None)]
        case Verified(at):
            return [
                EmailVerified(occurred_at=at, account_id=account.id),
                ContactChanged(occurred_at=at, account_id=account.id, email=account.email, language=account.language),
            ]
        case Linked(level, at):
            return [AccountLinked(occurred_at=at, account_id=account.id, level=level)]
        case Deleted(at):
            return [AccountErased(occurred_at=at, account_id=account.id)]


def _registered(account: Account) -> AccountRegistered:
    return AccountRegistered(occurred_at=account.registered_at, account_id=account.id)


def _message(account: Account, code: str | None) -> VerificationRequested:
    if account.challenge is None:
        raise ValueError(f"account {account.id} has no challenge to tell of")
    return VerificationRequested(
        occurred_at=account.registered_at,
        account_id=account.id,
        email=account.email,
        purpose="already-registered" if code is None else "verify-email",
        code=code,
        expires_at=account.challenge.expires_at,
        language=account.language,
    )
