"""Puts identity together: opened in this order, closed in reverse."""

from collections.abc import Mapping
from typing import Final

import httpx
from fastapi import APIRouter

from chassis.problems import Kind
from chassis.process import Context, Parts
from chassis.timers import Timer
from identity.accounts import api as accounts_api
from identity.accounts import domain as accounts_domain
from identity.accounts.store import Accounts
from identity.accounts.worker import lapse_unproven
from identity.keys import api as keys_api
from identity.keys.signer import Signer
from identity.keys.store import SigningKeys
from identity.links import api as links_api
from identity.links import client as links_client
from identity.links import domain as links_domain
from identity.links.client import Landeskonto
from identity.links.linking import Linking
from identity.links.store import Attempts
from identity.passwords.check import PasswordCheck
from identity.passwords.hashing import Hashing
from identity.pepper.store import Pepper
from identity.sessions import api as sessions_api
from identity.sessions import domain as sessions_domain
from identity.sessions.store import Sessions
from identity.sessions.tokens import Tokens
from identity.settings import Settings
from identity.throttles.store import Throttles

ROUTERS: Final[tuple[APIRouter, ...]] = (
    accounts_api.router,
    sessions_api.router,
    links_api.router,
    keys_api.router,
)

PROBLEMS: Final[Mapping[type[Exception], Kind]] = {
    accounts_domain.CodeWrong: Kind(422, "code-wrong", "Der Code stimmt nicht."),
    accounts_domain.CodeExpired: Kind(422, "code-expired", "Der Code gilt nicht mehr."),
    accounts_domain.TooManyTries: Kind(429, "too-many-tries", "Der Code wurde zu oft falsch eingegeben."),
    accounts_domain.EmailTaken: Kind(409, "email-taken", "Zu dieser E-Mail-Adresse gibt es schon ein Konto."),
    accounts_domain.AccountInactive: Kind(409, "account-inactive", "Dieses Konto ist nicht aktiv."),
    accounts_domain.AlreadyLinked: Kind(409, "already-linked", "Ihr Konto ist schon verknüpft."),
    accounts_domain.LandeskontoTaken: Kind(409, "landeskonto-taken", "Dieses Landeskonto ist schon verknüpft."),
    sessions_api.SignInRefused: Kind(401, "sign-in-refused", "Die Anmeldung hat nicht geklappt."),
    sessions_domain.SessionOver: Kind(401, "session-ended", "Ihre Sitzung ist beendet."),
    sessions_domain.RefreshRefused: Kind(401, "refresh-refused", "Die Sitzung kann nicht verlängert werden."),
    links_domain.LinkExpired: Kind(409, "link-expired", "Die Verknüpfung hat zu lange gedauert."),
    links_domain.LinkUsed: Kind(409, "link-used", "Diese Verknüpfung wurde schon benutzt oder abgebrochen."),
    links_domain.ReturnRefused: Kind(422, "link-return-refused", "Die Rückkehr vom Landeskonto passt nicht."),
    links_domain.ProofRefused: Kind(422, "link-proof-refused", "Der Nachweis des Landeskontos wird nicht anerkannt."),
    links_domain.LevelTooLow: Kind(422, "level-too-low", "Das Vertrauensniveau reicht nicht aus."),
    links_client.RedemptionFailed: Kind(
        502, "landeskonto-failed", "Das Landeskonto hat die Anmeldung nicht bestätigt."
    ),
}


async def wire(context: Context[Settings], transport: httpx.AsyncBaseTransport | None = None) -> Parts:
    """Open everything that identity is made of; ``transport`` leads to a Landeskonto in the same process."""
    settings, database, clock = context.settings, context.database, context.clock
    pepper = await Pepper.open(database.collection("pepper"), context.vault)
    keys = await SigningKeys.open(database, clock, context.kick, context.vault)
    signer = Signer(await keys.every(), context.vault, clock)
    for key in await keys.every():
        await context.token_keys.put(key.kid, key.public, key.retires_at)
    hashing = await context.stack.enter_async_context(Hashing(settings.hashing_threads, settings.hashing_queue))
    landeskonto = await context.stack.enter_async_context(
        Landeskonto(
            settings.landeskonto_issuer,
            settings.landeskonto_client_id,
            settings.landeskonto_client_secret.get_secret_value(),
            transport,
        )
    )
    throttles = await Throttles.open(database, pepper, clock)
    check = PasswordCheck(hashing, throttles, free_per_network=settings.sign_in_free_per_network)
    accounts = await Accounts.open(database, clock, context.kick)
    sessions = await Sessions.open(database, clock, context.kick)
    attempts = await Attempts.open(database, clock, context.kick)
    linking = Linking(accounts, sessions, attempts, landeskonto, pepper, clock, settings.landeskonto_level)
    tokens = Tokens(signer, pepper, clock)
    return Parts(
        routers=ROUTERS,
        provides=(accounts, sessions, linking, signer, tokens, hashing, check, throttles, pepper, settings),
        problems=PROBLEMS,
        aggregates=(accounts, sessions, attempts, keys),
        timers=(Timer(accounts, lapse_unproven(accounts), clock=clock),),
    )
