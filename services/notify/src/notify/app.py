"""The notify service, wired."""

from functools import partial

from chassis.broker import listen
from chassis.inbox import Inbox
from chassis.problems import Kind
from chassis.process import Context, Parts
from chassis.timers import Timer
from contracts.appointments import SlotReleased, SlotReserved
from contracts.identity import VerificationRequested
from contracts.osi_gateway import SubmissionAccepted, SubmissionRejected
from notify.contacts.handlers import read_model
from notify.contacts.store import Contacts
from notify.messages import api
from notify.messages.client import MailServer
from notify.messages.handlers import (
    send_acceptance,
    send_appointment,
    send_rejection,
    send_release,
    send_verification_code,
)
from notify.messages.letters import Letters
from notify.messages.store import Messages
from notify.messages.worker import Postman
from notify.settings import Settings

ROUTERS = (api.router,)
PROBLEMS: dict[type[Exception], Kind] = {}


async def wire(context: Context[Settings]) -> Parts:
    """Put the service together."""
    settings, clock = context.settings, context.clock
    contacts = Contacts(context.database.collection("contacts"), clock)
    messages = Messages(context.database, clock, context.kick)
    inbox = Inbox(context.database.collection("inbox"), clock)
    await contacts.ensure()
    await messages.ensure()
    await inbox.ensure()
    server = MailServer(settings.smtp_host, settings.smtp_port)
    letters = Letters(context.municipalities, settings.mail_from, settings.public_url)
    postman = Postman(messages, contacts, inbox, server, letters, clock)
    bus = context.bus
    model = read_model(clock)
    live = model.live(context.database, clock)
    listen(bus, "identity.contacts", live["identity.contacts"])
    listen(bus, "identity.accounts", live["identity.accounts"])
    listen(bus, "identity.messages", {VerificationRequested: partial(send_verification_code, messages, clock)})
    listen(
        bus,
        "osi-gateway.submissions",
        {
            SubmissionAccepted: partial(send_acceptance, messages, clock),
            SubmissionRejected: partial(send_rejection, messages, clock),
        },
    )
    listen(
        bus,
        "appointments.slots",
        {
            SlotReserved: partial(send_appointment, messages, clock),
            SlotReleased: partial(send_release, messages, clock),
        },
    )
    return Parts(
        routers=ROUTERS,
        provides=[messages],
        problems=PROBLEMS,
        aggregates=[messages.aggregates],
        read_models=[model],
        timers=[Timer(messages.aggregates, postman.send_due, clock=clock)],
    )
