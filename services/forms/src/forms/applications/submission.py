"""From a draft to what is handed in: level, completeness, rules, responsibility, then the package is sealed."""

import base64
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from chassis.auth import Caller
from chassis.ids import uuid7
from chassis.municipalities import Municipality
from chassis.vault import Vault
from contracts.package import Package, PackagedFile
from forms.applications.domain import Application, Submitted
from forms.catalogue.domain import Area, Fault, Service, check_rules, missing_uploads, require_level, responsible
from forms.catalogue.store import Catalogue, Entry
from forms.keys.store import SealingKeys

BERLIN = ZoneInfo("Europe/Berlin")


class Faulty(Exception):
    """The answers cannot be kept, or not be handed in, as they are."""

    def __init__(self, errors: Sequence[Fault]) -> None:
        count = "Eine Angabe fehlt oder ist" if len(errors) == 1 else f"{len(errors)} Angaben fehlen oder sind"
        super().__init__(f"{count} nicht richtig.")
        self.errors = errors


class Desk:
    """What takes drafts in: knows the forms, who is responsible where, and the gateway's key."""

    def __init__(self, catalogue: Catalogue, keys: SealingKeys, vault: Vault) -> None:
        self._catalogue = catalogue
        self._keys = keys
        self._vault = vault

    async def check_and_seal(self, application: Application, caller: Caller, now: datetime) -> Submitted:
        """Return the fact that this draft is handed in by this caller now.

        Raises:
            LevelTooLow: the service asks for a higher level than the caller is signed in with.
            Faulty: something is missing or wrong; all of it is named.
            NoSealingKey: the gateway's key has not arrived.
            NotFound: the municipality does not offer the service any more.
        """
        entry = self._catalogue.get(caller.tenant, application.service)
        require_level(entry.service, caller.level)
        region = self._check(application, entry, self._catalogue.municipality(caller.tenant), now)
        key = await self._keys.newest()
        package = self._package(application, entry.service, now)
        return Submitted(
            fact_id=uuid7(),
            leika_key=entry.service.leika_key,
            region=region,
            level=caller.level,
            sealed=key.seal(package.model_dump_json().encode()),
        )

    def _check(self, application: Application, entry: Entry, municipality: Municipality, now: datetime) -> str:
        answers = application.answers
        faults = list(entry.schema.complete(answers))
        known = {fault.pointer for fault in faults}
        faults += check_rules(entry.service, answers, now.astimezone(BERLIN).date())
        faults += missing_uploads(entry.service, answers, {held.upload for held in application.attachments})
        region = None
        if "/answers/postal_code" not in known:
            region, elsewhere = responsible(answers, areas_of(municipality))
            faults += elsewhere
        if faults or region is None:
            raise Faulty(list({fault.pointer: fault for fault in reversed(faults)}.values())[::-1])
        return region

    def _package(self, application: Application, service: Service, now: datetime) -> Package:
        answers = dict(application.answers)
        return Package(
            application_id=application.id,
            service=service.slug,
            schema_uri=service.schema_uri,
            answers=answers,
            files=tuple(
                PackagedFile(attachment_id=held.id, filename=held.filename, key=as_text(self._vault.open(held.key)))
                for held in application.attachments
            ),
            electronic_delivery=bool(answers.get("electronic_delivery")),
            submitted_on=now.astimezone(BERLIN).date().isoformat(),
            reply_email=answers.get("email"),
        )


def areas_of(municipality: Municipality) -> tuple[Area, ...]:
    """Return where a municipality is responsible: itself first, then its members."""
    whole = Area(municipality.ars, municipality.name, municipality.postal_codes)
    return whole, *(Area(member.ars, member.name, member.postal_codes) for member in municipality.members)


def as_text(key: bytes) -> str:
    """Write a key as base64url without padding."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()
