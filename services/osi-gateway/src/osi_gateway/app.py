"""Wires the osi-gateway by hand: what it is made of, and what hands what to whom."""

from datetime import timedelta
from importlib.metadata import version

import httpx

from chassis.broker import listen
from chassis.problems import Kind
from chassis.process import Context, Parts
from chassis.timers import Timer
from contracts.forms import ApplicationPackaged, ApplicationSubmitted
from contracts.identity import AccountLinked
from osi_gateway.accounts.handlers import LinkHandlers
from osi_gateway.accounts.store import Accounts
from osi_gateway.accounts.worker import Releaser
from osi_gateway.exchange.client import Addresses, Exchange, open_http
from osi_gateway.keys.store import KeyPairs, Keyring
from osi_gateway.letters.domain import Sender
from osi_gateway.letters.schemas import Schemas
from osi_gateway.letters.writer import LetterWriter, Tools
from osi_gateway.receipts.reader import LogReader
from osi_gateway.settings import Settings
from osi_gateway.submissions.api import router
from osi_gateway.submissions.handlers import ApplicationHandlers
from osi_gateway.submissions.store import Submissions
from osi_gateway.submissions.worker import Forwarder

SERVICE = "osi-gateway"
ROUTERS = (router,)
PROBLEMS: dict[type[Exception], Kind] = {}


async def wire(context: Context[Settings], transport: httpx.AsyncBaseTransport | None = None) -> Parts:
    """Open what the service needs and hand back its parts; ``transport`` leads to the exchange."""
    settings, clock = context.settings, context.clock
    submissions = Submissions(context.database, clock, context.kick)
    accounts = Accounts(context.database, clock)
    pairs = KeyPairs(context.database, clock, context.kick)
    await submissions.ensure()
    await accounts.ensure()
    keyring = Keyring(pairs, context.vault, clock)
    await keyring.open()
    exchange = await _exchange(context, transport)
    writer = LetterWriter(
        Tools(keyring, context.blobs, context.vault),
        Schemas(settings.data_schemas),
        clock,
        Sender(settings.public_url, version("rathaus-osi-gateway")),
    )
    poll = timedelta(seconds=settings.exchange_poll_seconds)
    forwarder = Forwarder(submissions, exchange, writer, LogReader(exchange), clock, poll)
    releaser = Releaser(accounts, submissions, clock)
    links = LinkHandlers(accounts, clock)
    applications = ApplicationHandlers(submissions, accounts, clock)
    listen(context.bus, "identity.accounts", {AccountLinked: links.remember_link})
    listen(context.bus, "forms.applications", {ApplicationSubmitted: applications.take_application})
    listen(context.bus, "forms.packages", {ApplicationPackaged: applications.keep_package})
    return Parts(
        routers=ROUTERS,
        provides=(submissions,),
        problems=PROBLEMS,
        aggregates=(submissions, pairs),
        timers=(
            Timer(accounts, releaser.release_first, clock=clock),
            Timer(submissions, forwarder.forward, clock=clock),
        ),
        checks={"sealing-key": keyring.check, "blobs": context.blobs.check},
    )


async def _exchange(context: Context[Settings], transport: httpx.AsyncBaseTransport | None) -> Exchange:
    settings = context.settings
    http = await context.stack.enter_async_context(open_http(settings.public_url, transport))
    addresses = Addresses(
        token=settings.exchange_token_url,
        submission=settings.exchange_submission_url.rstrip("/"),
        routing=settings.exchange_routing_url.rstrip("/"),
        routing_keys=settings.exchange_routing_keys_url,
    )
    return Exchange(http, addresses, settings.exchange_client_id, settings.exchange_client_secret)
