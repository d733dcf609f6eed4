"""Identity's own guard: here an ended session is refused at once, not only when its access token runs out."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from chassis.clock import Clock
from chassis.errors import NotFound
from chassis.http import Caller, SignedIn, provided
from identity.accounts.domain import Account, allows
from identity.accounts.store import Accounts
from identity.sessions.domain import Session, SessionOver, check_live
from identity.sessions.store import Sessions


@dataclass(frozen=True)
class Present:
    """Who calls, with what the database says of them now."""

    caller: Caller
    session: Session
    account: Account


async def present(
    caller: SignedIn,
    sessions: Annotated[Sessions, provided(Sessions)],
    accounts: Annotated[Accounts, provided(Accounts)],
    clock: Annotated[Clock, provided(Clock)],
) -> Present:
    """Return the caller with a session that stands.

    Raises:
        SessionOver: it ended, ran out, or the account ended all others.
    """
    try:
        session = (await sessions.load(caller.tenant, caller.session)).state
        account = (await accounts.load(caller.tenant, caller.account)).state
    except NotFound:
        raise SessionOver from None
    check_live(session, clock.now())
    if session.account != account.id or not allows(account, session.id, session.opened_at):
        raise SessionOver
    return Present(caller, session, account)


LiveSession = Annotated[Present, Depends(present)]
"""Guards a route like ``SignedIn``, and refuses ended sessions."""
