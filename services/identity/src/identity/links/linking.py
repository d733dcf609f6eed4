"""The steps of linking. Each is written down before the next, and after a crash at any point one can begin anew."""

from contextlib import suppress
from dataclasses import dataclass

from chassis.aggregates import Key
from chassis.clock import Clock
from chassis.documents import Duplicate
from chassis.errors import NotFound
from chassis.ids import uuid7
from identity.accounts import domain as accounts_domain
from identity.accounts.domain import Account, LandeskontoTaken, Link
from identity.accounts.store import Accounts
from identity.links import domain
from identity.links.client import Landeskonto, Secrets
from identity.links.domain import Attempt, Level, Proof
from identity.links.store import Attempts
from identity.pepper.store import Pepper
from identity.sessions import domain as sessions_domain
from identity.sessions.domain import Session, SessionOver
from identity.sessions.guard import Present
from identity.sessions.store import Sessions


@dataclass(frozen=True)
class Return:
    """What the browser brought back from the Landeskonto."""

    code: str
    state: str
    issuer: str


@dataclass(frozen=True)
class Linking:
    """Links accounts of all municipalities with one Landeskonto issuer."""

    accounts: Accounts
    sessions: Sessions
    attempts: Attempts
    landeskonto: Landeskonto
    pepper: Pepper
    clock: Clock
    asked: Level = "hoch"

    async def begin(self, present: Present, key: Key, redirect_uri: str) -> tuple[str, Attempt, str]:
        """Begin an attempt, after the password was shown; return its id, itself and where to sign in.

        Raises:
            AlreadyLinked: the account has a Landeskonto.
            LandeskontoUnavailable: it cannot be asked now.
        """
        accounts_domain.check_linkable(present.account)
        await self.landeskonto.ready()
        account, session, now = present.account.id, present.session.id, self.clock.now()
        # The body holds the password, so its hash is kept in keyed form; another session's repeat is another request.
        own = Key(account, key.value, self.pepper.derive("digest", key.digest, session))
        done = await self.attempts.create(
            present.caller.tenant, own, lambda id: domain.start(account, session, self.asked, now)
        )
        url = await self.landeskonto.authorization_url(redirect_uri, self._secrets(done.id), self.asked)
        return done.id, done.state, url

    async def complete(self, present: Present, id: str, brought: Return, redirect_uri: str) -> tuple[Session, Account]:
        """Finish an attempt; return the session with its new level, and the account.

        Raises:
            NotFound: no such attempt of this account and session.
            ReturnRefused, LinkUsed, LinkExpired, RedemptionFailed, ProofRefused: begin anew.
            AlreadyLinked, LandeskontoTaken: one of both has another partner.
            LandeskontoUnavailable: nothing is used up, try again.
        """
        tenant = present.caller.tenant
        attempt = (await self.attempts.load(tenant, id)).state
        if (attempt.account, attempt.session) != (present.account.id, present.session.id):
            raise NotFound(f"link attempt {id}")
        domain.check_return(brought.state, brought.issuer, self._secrets(id).state, self.landeskonto.issuer)
        account = present.account
        if account.link is None or account.link.attempt != id:
            account = await self._redeemed(tenant, id, attempt, account, brought.code, redirect_uri)
        # From here on every step may be repeated: an answer that was lost is given again.
        session = await self._elevated(tenant, id, present.session.id, account)
        await self._end_others(tenant, account, session.id)
        return session, account

    async def _redeemed(
        self, tenant: str, id: str, attempt: Attempt, account: Account, code: str, redirect_uri: str
    ) -> Account:
        accounts_domain.check_linkable(account)
        await self.landeskonto.ready()
        now = self.clock.now()
        await self.attempts.command(tenant, id, Key(account.id, uuid7(), ""), lambda state: domain.redeem(state, now))
        linked = False
        try:
            proof = await self.landeskonto.redeem(code, redirect_uri, self._secrets(id), attempt.asked, now)
            account = await self._linked(tenant, id, attempt, proof)
            linked = True
        finally:
            await self.attempts.command(
                tenant, id, Key(account.id, "conclude", ""), lambda state: domain.conclude(state, linked=linked)
            )
        return account

    async def _linked(self, tenant: str, id: str, attempt: Attempt, proof: Proof) -> Account:
        link = Link(proof.issuer, proof.subject, proof.level, proof.authenticated_at, self.clock.now(), id)
        try:
            done = await self.accounts.command(
                tenant,
                attempt.account,
                Key(attempt.account, f"link:{id}", ""),
                lambda account: accounts_domain.link(account, link, attempt.session),
            )
        except Duplicate:
            raise LandeskontoTaken from None
        return done.state

    async def _elevated(self, tenant: str, id: str, session: str, account: Account) -> Session:
        if account.link is None:
            raise ValueError(f"account {account.id} has no link after linking")
        link, now = account.link, self.clock.now()
        done = await self.sessions.command(
            tenant,
            session,
            Key(account.id, f"link:{id}", ""),
            lambda state: sessions_domain.elevate(state, link.level, link.authenticated_at, now),
        )
        return done.state

    async def _end_others(self, tenant: str, account: Account, kept: str) -> None:
        """Tell of the sessions that ended with the link; they are refused already, by what the account says."""
        now = self.clock.now()
        for other in await self.sessions.of_account(tenant, account.id, now):
            if other.id == kept or accounts_domain.allows(account, other.id, other.state.opened_at):
                continue
            with suppress(SessionOver):
                await self.sessions.command(
                    tenant,
                    other.id,
                    Key(account.id, "end", ""),
                    lambda state: sessions_domain.end(state, "revoked", now),
                )

    def _secrets(self, id: str) -> Secrets:
        """Return what binds the sign-in to this attempt; derived, so that it stands in no database."""
        return Secrets(
            state=self.pepper.derive("state", id),
            nonce=self.pepper.derive("nonce", id),
            verifier=self.pepper.derive("verifier", id),
        )
