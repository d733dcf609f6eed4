"""Events that tell of an application: the public one and the sealed one, in any order."""

from chassis.aggregates import Key
from chassis.clock import Clock
from contracts.envelope import Envelope
from contracts.forms import ApplicationPackaged, ApplicationSubmitted
from osi_gateway.accounts.domain import Account, queue
from osi_gateway.accounts.store import Accounts
from osi_gateway.applications.domain import File, Package, Request
from osi_gateway.submissions.domain import Submission, take_package, take_request
from osi_gateway.submissions.store import Submissions


class ApplicationHandlers:
    """Takes applications that citizens have handed in."""

    def __init__(self, submissions: Submissions, accounts: Accounts, clock: Clock) -> None:
        self._submissions = submissions
        self._accounts = accounts
        self._clock = clock

    async def take_application(self, event: ApplicationSubmitted, envelope: Envelope) -> None:
        """Note the application, then let it wait for the account's link: whoever releases it must find it."""
        now = self._clock.now()
        request = Request(
            fact_id=event.fact_id,
            account_id=event.account_id,
            service=event.service,
            leika_key=event.leika_key,
            region=event.region,
            level=event.level,
            reference=event.reference,
            submitted_at=event.occurred_at,
        )
        id = event.application_id
        await self._submissions.absorb(
            id, envelope, lambda found: (take_request(found or Submission(id), request, now), ())
        )
        # A place for each application would stay in the account for good. A repeat needs none: it is queued anew at
        # most, and a second release changes nothing.
        await self._accounts.command(
            envelope.tenant,
            event.account_id,
            Key(event.account_id, f"queue:{id}", ""),
            lambda account: (queue(account, id, event.occurred_at, now), ()),
            initial=Account,
        )

    async def keep_package(self, event: ApplicationPackaged, envelope: Envelope) -> None:
        """Keep the sealed answers until the authority has accepted them."""
        now = self._clock.now()
        files = tuple(
            File(file.attachment_id, file.blob, file.sha512, file.size, file.media_type) for file in event.attachments
        )
        package = Package(event.fact_id, event.account_id, event.sealed, files)
        id = event.application_id
        await self._submissions.absorb(
            id, envelope, lambda found: (take_package(found or Submission(id), package, now), ())
        )
