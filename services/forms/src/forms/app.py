"""Wires the forms service by hand."""

import asyncio
import contextlib
from typing import Final

from chassis.broker import listen
from chassis.health import Check, task_check
from chassis.problems import PROBLEMS as CHASSIS_PROBLEMS
from chassis.problems import Kind
from chassis.process import Context, Parts
from forms.applications.api import router as applications_router
from forms.applications.domain import AlreadySubmitted, NoSuchAttachment, TooManyAttachments
from forms.applications.handlers import handlers as submission_handlers
from forms.applications.store import Applications
from forms.applications.stream import StatusStreams
from forms.applications.submission import Desk, Faulty
from forms.attachments.api import UploadGate
from forms.attachments.api import router as attachments_router
from forms.attachments.domain import NotTaken, TooLarge
from forms.attachments.store import Files
from forms.attachments.worker import Sweeper
from forms.catalogue.api import router as catalogue_router
from forms.catalogue.domain import LevelTooLow
from forms.catalogue.store import Catalogue
from forms.keys.handlers import read_model
from forms.keys.store import SealingKeys
from forms.settings import Settings

ROUTERS: Final = (catalogue_router, applications_router, attachments_router)
PROBLEMS: Final[dict[type[Exception], Kind]] = {
    Faulty: Kind(422, "answers-faulty", "Der Antrag ist noch nicht vollständig oder nicht richtig."),
    LevelTooLow: Kind(403, "level-too-low", "Ihre Anmeldung ist für diesen Dienst nicht sicher genug."),
    AlreadySubmitted: Kind(409, "already-submitted", "Der Antrag ist schon abgeschickt."),
    TooManyAttachments: Kind(409, "too-many-attachments", "Mehr Dateien nimmt der Antrag nicht auf."),
    NotTaken: Kind(422, "file-not-taken", "Diese Datei kann nicht angenommen werden."),
    TooLarge: Kind(413, "file-too-large", "Diese Datei ist zu groß."),
    NoSuchAttachment: CHASSIS_PROBLEMS[404],
}


async def wire(context: Context[Settings]) -> Parts:
    """Put the service together."""
    applications = Applications(context.database, context.clock, context.kick)
    await applications.prepare()
    files = Files(context.blobs, context.vault, context.database, context.clock)
    await files.prepare()
    keys = SealingKeys(context.database.collection("sealing_keys"))
    catalogue = Catalogue(context.municipalities, context.settings.catalogue)
    listen(context.bus, "osi-gateway.submissions", submission_handlers(applications))
    model = read_model()
    live = model.live(context.database, context.clock)
    listen(context.bus, "osi-gateway.keys", live["osi-gateway.keys"])
    checks: dict[str, Check] = {"sealing-key": keys.check}
    if "timers" in context.settings.roles:
        sweeping = asyncio.create_task(Sweeper(files, applications).run(), name="sweeper")
        context.stack.push_async_callback(_cancel, sweeping)
        checks["sweeper"] = task_check(sweeping)
    return Parts(
        routers=ROUTERS,
        provides=(
            applications,
            files,
            catalogue,
            Desk(catalogue, keys, context.vault),
            StatusStreams(applications, context.stopping),
            UploadGate(),
        ),
        problems=PROBLEMS,
        aggregates=(applications,),
        read_models=(model,),
        checks=checks,
    )


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
