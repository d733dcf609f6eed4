"""Clears away blobs that no application holds: left by a crash, a lost race or a removed file."""

import asyncio
import logging
from typing import Final

from chassis.errors import NotFound, Transient
from forms.applications.store import Applications
from forms.attachments.store import Files, Uncertain

_log = logging.getLogger(__name__)
PAUSE: Final = 60.0
"""Seconds between two looks."""


class Sweeper:
    """Looks at every blob whose fate is overdue. Several may: only the application says what it holds."""

    def __init__(self, files: Files, applications: Applications) -> None:
        self._files = files
        self._applications = applications

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self.sweep()
            except Transient as error:
                _log.warning("blobs could not be swept", extra={"fields": {"reason": str(error)}})
            except Exception:
                _log.exception("blobs could not be swept")
            await asyncio.sleep(PAUSE)

    async def sweep(self) -> int:
        """Look once; how many blobs were deleted."""
        deleted = 0
        for blob in await self._files.uncertain():
            if await self._is_held(blob):
                await self._files.settle(blob)
            else:
                await self._files.delete(blob.path)
                deleted += 1
        return deleted

    async def _is_held(self, blob: Uncertain) -> bool:
        try:
            application = await self._applications.load(blob.tenant, blob.application_id)
        except NotFound:
            return False
        return any(attachment.blob == blob.path for attachment in application.state.attachments)
