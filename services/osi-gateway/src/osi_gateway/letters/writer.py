"""Writes the letter to the authority: opens the package, checks it, encrypts each part, keeps the ciphertexts."""

import asyncio
import base64
import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from chassis.blobs import Blobs, Damaged, new_key
from chassis.clock import Clock
from chassis.errors import NotFound
from chassis.vault import CannotOpen, Vault
from contracts.package import Package, PackagedFile
from osi_gateway.applications.domain import File, Request
from osi_gateway.applications.domain import Package as Sealed
from osi_gateway.exchange import jose
from osi_gateway.exchange.domain import Offer, Refused
from osi_gateway.keys.store import Keyring
from osi_gateway.letters.domain import Enclosure, Letter, Part, Sender, identification_report, metadata
from osi_gateway.letters.schemas import METADATA, Invalid, Schemas


@dataclass(frozen=True)
class Order:
    """What a letter is written from."""

    application_id: str
    request: Request
    package: Sealed
    destination: Offer
    encryption_key: str


@dataclass(frozen=True)
class Tools:
    """What opens and keeps secrets."""

    keyring: Keyring
    blobs: Blobs
    vault: Vault


@dataclass(frozen=True)
class _Folder:
    """Where the ciphertexts of one letter go."""

    name: str
    key: bytes


class LetterWriter:
    """Writes and reads letters. Plain answers are in memory only while one is written."""

    def __init__(self, tools: Tools, schemas: Schemas, clock: Clock, sender: Sender) -> None:
        self._keyring = tools.keyring
        self._blobs = tools.blobs
        self._vault = tools.vault
        self._schemas = schemas
        self._clock = clock
        self._sender = sender

    async def write(self, order: Order, folder_name: str) -> Letter:
        """Write a letter into a folder of its own.

        Raises:
            Refused: the package is not what it should be, or the authority would not take it.
            Transient: the sealing key or the blob store is not available now.
        """
        package = await self._opened(order)
        if package.schema_uri not in order.destination.schema_uris:
            raise Refused(f"the destination does not take data by {package.schema_uri}")
        self._check(package.schema_uri, package.answers, "the application's data")
        folder = _Folder(folder_name, new_key())
        public = json.loads(order.encryption_key)
        enclosures, parts = [], []
        for number, (ticket, named) in enumerate(_matched(order.package.files, package.files)):
            plain = await self._attachment(ticket, named)
            enclosure = Enclosure(str(uuid.uuid4()), named.filename, ticket.media_type, ticket.sha512)
            enclosures.append(enclosure)
            parts.append(
                await self._keep(folder, str(number), plain, public, ticket.media_type, id=enclosure.attachment_id)
            )
        data = json.dumps(package.answers, ensure_ascii=False, separators=(",", ":")).encode()
        described = await self._described(order, package, data, enclosures)
        return Letter(
            folder=folder.name,
            key=self._vault.seal(folder.key),
            schema_uri=package.schema_uri,
            metadata=await self._keep(folder, "metadata", described, public, "application/json"),
            data=await self._keep(folder, "data", data, public, "application/json"),
            attachments=tuple(parts),
        )

    async def read(self, letter: Letter, part: Part) -> bytes:
        """Return a ciphertext exactly as it was written.

        Raises:
            Refused: it is gone or damaged: a new letter must be written.
            Transient: the blob store is not available now.
        """
        try:
            return await self._blobs.read(part.blob, self._vault.open(letter.key))
        except (NotFound, Damaged, CannotOpen) as error:
            raise Refused(f"the letter's {part.id} is lost: {type(error).__name__}") from None

    async def erase(self, folder_name: str, attachments: int) -> None:
        """Erase whatever a letter has left in its folder; what is absent is no error."""
        for name in ("metadata", "data", *(str(number) for number in range(attachments))):
            await self._blobs.delete(_path(folder_name, name))

    async def _opened(self, order: Order) -> Package:
        try:
            plain = await self._keyring.unseal(order.package.sealed)
            package = Package.model_validate_json(plain)
        except jose.Unreadable as error:
            raise Refused(f"the package cannot be opened: {error}") from None
        except ValidationError:
            raise Refused("the package does not hold what was agreed") from None
        if (package.application_id, package.service) != (order.application_id, order.request.service):
            raise Refused("the package belongs to another application")
        return package

    async def _attachment(self, ticket: File, named: PackagedFile) -> bytes:
        try:
            plain = await self._blobs.read(ticket.blob, base64.urlsafe_b64decode(f"{named.key}=="))
        except (NotFound, Damaged, ValueError) as error:
            raise Refused(f"attachment {ticket.attachment_id} cannot be read: {type(error).__name__}") from None
        found = await asyncio.to_thread(lambda: hashlib.sha512(plain).hexdigest())
        if found != ticket.sha512:
            raise Refused(f"attachment {ticket.attachment_id} is not the file that was handed in (SHA-512)")
        return plain

    async def _described(self, order: Order, package: Package, data: bytes, enclosures: list[Enclosure]) -> bytes:
        report_id = str(uuid.uuid4())
        report = await self._keyring.sign(
            identification_report(
                report_id=report_id,
                server=self._sender.url,
                application_id=order.application_id,
                level=order.request.level,
                identified_at=order.request.submitted_at,
                reported_at=self._clock.now(),
            )
        )
        content = metadata(
            data_sha512=hashlib.sha512(data).hexdigest(),
            schema_uri=package.schema_uri,
            enclosures=enclosures,
            report_id=report_id,
            report=report,
            report_sha512=hashlib.sha512(report.encode()).hexdigest(),
            reference=order.request.reference,
            applied_on=package.submitted_on,
            electronic_delivery=package.electronic_delivery,
            reply_email=package.reply_email if order.destination.mail_replies else None,
            sender=self._sender,
        )
        self._check(METADATA, content, "the metadata")
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()

    def _check(self, schema_uri: str, document: dict[str, Any], what: str) -> None:
        try:
            self._schemas.check(schema_uri, document, what)
        except Invalid as error:
            raise Refused(str(error)) from None

    async def _keep(
        self, folder: _Folder, name: str, plain: bytes, public: dict[str, str], media_type: str, *, id: str = ""
    ) -> Part:
        ciphertext = await asyncio.to_thread(jose.encrypt, plain, public, media_type)
        path = _path(folder.name, name)
        await self._blobs.write(path, ciphertext.encode(), folder.key)
        return Part(id or name, path, jose.tag_of(ciphertext))


def _matched(tickets: tuple[File, ...], named: tuple[PackagedFile, ...]) -> list[tuple[File, PackagedFile]]:
    by_id = {file.attachment_id: file for file in named}
    if len(by_id) != len(named) or set(by_id) != {ticket.attachment_id for ticket in tickets}:
        raise Refused("the package and its claim tickets name different attachments")
    return [(ticket, by_id[ticket.attachment_id]) for ticket in tickets]


def _path(folder_name: str, name: str) -> str:
    return f"osi-gateway/{folder_name}/{name}"
