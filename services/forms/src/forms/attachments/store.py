"""Files of applications in the blob store, and the register that lets none of them be forgotten there.

A file is written before the application knows it, and deleted after the application has let it go. Its row in the
register stands as long as neither is certain; what stands there too long is looked at by the sweeper.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chassis.blobs import Blobs, new_key
from chassis.clock import Clock
from chassis.documents import Database, Index
from chassis.ids import aggregate_id, uuid7
from chassis.vault import Vault
from forms.applications.domain import Attachment
from forms.attachments.content import inspect
from forms.attachments.domain import clean_name
from forms.catalogue.domain import Upload

GRACE: Final = timedelta(hours=1)
"""How long the fate of a blob may be uncertain: far longer than any request lasts."""
_CHUNK: Final = 64 * 1024
_LONG_AGO: Final = timedelta(days=3650)
_INDEXES: Final = (Index((("look_at", 1),), "sweep"),)


@dataclass(frozen=True)
class Uncertain:
    """A blob that an application may or may not hold."""

    path: str
    tenant: str
    application_id: str
    look_at: datetime


class Files:
    """The blob store as applications use it."""

    def __init__(self, blobs: Blobs, vault: Vault, database: Database, clock: Clock) -> None:
        self._blobs = blobs
        self._vault = vault
        self._register = database.collection("uncertain_blobs")
        self._clock = clock

    async def prepare(self) -> None:
        """Create the indexes."""
        await self._register.ensure(_INDEXES)

    async def keep(
        self,
        tenant: str,
        application_id: str,
        attachment_id: str,
        upload: Upload,
        name: str,
        declared: str,
        content: bytes,
    ) -> Attachment:
        """Check a file, encrypt it with a key of its own and write it; the application does not hold it yet.

        Every try writes to a path of its own: a repeated request must not change the blob under a key in use.

        Raises:
            NotTaken: the file is not one that this upload asks for.
        """
        media_type = await asyncio.to_thread(inspect, content, declared, upload.media_types, upload.max_bytes)
        path = f"{tenant}/{application_id}/{attachment_id}/{uuid7()}"
        await self.doubt(tenant, application_id, path)
        key, digest = new_key(), hashlib.sha512()
        await self._blobs.write(path, _hashed(content, digest), key)
        return Attachment(
            id=attachment_id,
            upload=upload.name,
            blob=path,
            key=self._vault.seal(key),
            filename=clean_name(name, media_type),
            media_type=media_type,
            size=len(content),
            sha512=digest.hexdigest(),
        )

    async def doubt(self, tenant: str, application_id: str, path: str) -> None:
        """Note a blob that an application is about to take or to let go."""
        row = {"tenant": tenant, "application_id": application_id, "look_at": self._clock.now() + GRACE}
        await self._register.upsert(path, {"$set": row})

    async def trust(self, path: str) -> None:
        """Note that the application holds the blob for certain."""
        await self._register.delete({"_id": path})

    async def delete(self, path: str) -> None:
        """Delete a blob that no application holds."""
        await self._blobs.delete(path)
        await self._register.delete({"_id": path})

    async def uncertain(self, limit: int = 50) -> list[Uncertain]:
        """Return blobs whose fate should have been certain by now."""
        now = self._clock.now()
        found = await self._register.find({"look_at": {"$gte": now - _LONG_AGO, "$lte": now}}, limit=limit)
        return [Uncertain(row["_id"], row["tenant"], row["application_id"], row["look_at"]) for row in found]

    async def settle(self, blob: Uncertain) -> None:
        """Note that the blob is held, unless somebody has begun to let it go meanwhile."""
        await self._register.delete({"_id": blob.path, "look_at": blob.look_at})


def attachment_id(tenant: str, application_id: str, account: str, key: str) -> str:
    """Return the id of the file that a command brings: a repeat of the command brings the same file."""
    return aggregate_id(tenant, application_id, account, key)


async def _hashed(content: bytes, digest: "hashlib._Hash") -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        piece = content[start : start + _CHUNK]
        digest.update(piece)
        yield piece
