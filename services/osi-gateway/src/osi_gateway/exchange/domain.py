"""What the gateway demands of the exchange's answers before it trusts them (FIT-Connect, "sending", "get-destination").

Routes come from a signed statement of the self-service portal, destinations and keys from the delivery service.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

LONGEST_PAUSE = timedelta(minutes=5)
"""Between two tries of a step that failed for a passing reason."""
METADATA_VERSION = "2.1.0"
_PROBLEMS = "https://schema.fitko.de/fit-connect/submission-api/problems/"
_FORGOTTEN = frozenset({f"{_PROBLEMS}submission-not-found", f"{_PROBLEMS}case-not-found"})
_NOT_FOUND = 404
_LEIKA = "urn:de:fim:leika:leistung:"
_REGION = "urn:de:bund:destatis:bevoelkerungsstatistik:schluessel:rs:"
_SMALLEST_KEY = 4096
"""Bits of an RSA modulus."""
_ARS_LEVELS = (2, 3, 5, 9, 12)
"""Digits of state, district group, district, association, municipality."""


class Refused(Exception):
    """The other side says no, or says what cannot be trusted; trying again changes nothing. No personal data."""

    def __init__(self, reason: str, *, status: int | None = None, type: str = "") -> None:
        super().__init__(reason)
        self.status = status
        """HTTP status, where it was an answer."""
        self.type = type
        """Problem type URI, where it was an answer."""

    @property
    def not_found(self) -> bool:
        """Whether it was a 404, of whomever: a front that leads astray answers so too."""
        return self.status == _NOT_FOUND

    @property
    def forgotten(self) -> bool:
        """Whether the exchange itself says, in its own words, that it does not know the submission or its case."""
        return self.not_found and self.type in _FORGOTTEN


@dataclass(frozen=True)
class Offer:
    """A destination that takes the service, as far as a sender needs to know it."""

    name: str
    encryption_kid: str
    schema_uris: tuple[str, ...]
    """Data schemas for JSON that it takes for the service."""
    mail_replies: bool


def service_uri(leika_key: str) -> str:
    """Return a service's identifier as the exchange writes it."""
    return f"{_LEIKA}{leika_key}"


def region_code(ars: str) -> str:
    """Return a region as the exchange writes it: ``DE`` and the ARS."""
    return f"DE{ars}"


def covers(area: str, ars: str) -> bool:
    """Whether an ARS lies in an area that is given by the first digits of its ARS, or by twelve with zeros behind."""
    if not area.isdigit() or len(area) not in _ARS_LEVELS:
        return False
    if len(area) < len(ars):
        return ars.startswith(area)
    level = next(length for length in (0, *_ARS_LEVELS) if not area[length:].strip("0"))
    return ars.startswith(area[:level])


def check_route(claims: Mapping[str, Any], destination_id: str, leika_key: str, ars: str, exchange_url: str) -> None:
    """Check what the route's signature says: this destination, this service in this region, our delivery service.

    Raises:
        Refused: it says something else.
    """
    if claims.get("destinationId") != destination_id:
        raise Refused("the route is signed for another destination")
    if not any(_serves(entry, leika_key, ars) for entry in _objects(claims.get("services"))):
        raise Refused(f"the route is not signed for service {leika_key} in region {ars}")
    host = claims.get("submissionHost")
    if not isinstance(host, str) or _host(host) != _host(exchange_url):
        raise Refused("the route is signed for another delivery service")


def _serves(entry: Mapping[str, Any], leika_key: str, ars: str) -> bool:
    areas = [area.removeprefix(_REGION) for area in _texts(entry.get("gebietIDs"))]
    return service_uri(leika_key) in _texts(entry.get("leistungIDs")) and any(covers(area, ars) for area in areas)


def check_destination(destination: Mapping[str, Any], destination_id: str, leika_key: str, ars: str) -> Offer:
    """Check that the destination is active, takes the service for the region and reads our metadata.

    Raises:
        Refused: it doesn't.
    """
    if destination.get("destinationId") != destination_id:
        raise Refused("the exchange answered with another destination")
    if destination.get("status") != "active":
        raise Refused(f"destination {destination_id} is not active")
    if METADATA_VERSION not in _texts(destination.get("metadataVersions")):
        raise Refused(f"destination {destination_id} does not read metadata {METADATA_VERSION}")
    kid = destination.get("encryptionKid")
    if not isinstance(kid, str) or not kid:
        raise Refused(f"destination {destination_id} names no encryption key")
    offered = [entry for entry in _objects(destination.get("publicServices")) if _offers(entry, leika_key, ars)]
    if not offered:
        raise Refused(f"destination {destination_id} does not offer service {leika_key} in region {ars}")
    name = destination.get("name")
    return Offer(
        name=name if isinstance(name, str) else "",
        encryption_kid=kid,
        schema_uris=tuple(dict.fromkeys(uri for entry in offered for uri in _json_schemas(entry))),
        mail_replies="eMail" in _reply_channels(destination.get("replyChannels")),
    )


def _offers(entry: Mapping[str, Any], leika_key: str, ars: str) -> bool:
    regions = [region.removeprefix("DE") for region in _texts(entry.get("regions"))]
    return entry.get("identifier") == service_uri(leika_key) and any(covers(region, ars) for region in regions)


def _json_schemas(entry: Mapping[str, Any]) -> list[str]:
    return [
        schema["schemaUri"]
        for schema in _objects(entry.get("submissionSchemas"))
        if schema.get("mimeType") == "application/json" and isinstance(schema.get("schemaUri"), str)
    ]


def _reply_channels(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else _texts(value)


def check_encryption_key(jwk: Mapping[str, Any], kid: str) -> dict[str, Any]:
    """Return the public part of the destination's key, once it is one that content may be encrypted to.

    Raises:
        Refused: not RSA of at least 4096 bit, exponent 65537, for wrapping keys with RSA-OAEP-256, under this ``kid``.
    """
    demands = {"kty": "RSA", "alg": "RSA-OAEP-256", "e": "AQAB", "kid": kid}
    for name, wanted in demands.items():
        if jwk.get(name) != wanted:
            raise Refused(f"the destination's key {kid}: {name} is not {wanted}")
    if jwk.get("key_ops") != ["wrapKey"]:
        raise Refused(f"the destination's key {kid}: key_ops is not wrapKey")
    bits = _bits(jwk.get("n"))
    if bits < _SMALLEST_KEY:
        raise Refused(f"the destination's key {kid} has {bits} bits; the least is {_SMALLEST_KEY}")
    return {"kty": "RSA", "alg": "RSA-OAEP-256", "kid": kid, "n": jwk["n"], "e": "AQAB", "key_ops": ["wrapKey"]}


def check_signature_key(jwk: Mapping[str, Any], kid: str) -> None:
    """Check that a key may verify signatures.

    Raises:
        Refused: not RSA for PS512 and verifying, under this ``kid``, of at least 4096 bit.
    """
    demands = {"kty": "RSA", "alg": "PS512", "kid": kid}
    for name, wanted in demands.items():
        if jwk.get(name) != wanted:
            raise Refused(f"the signature key: {name} is not the one asked for")
    if "verify" not in _texts(jwk.get("key_ops")):
        raise Refused("the signature key: key_ops is not verify")
    bits = _bits(jwk.get("n"))
    if bits < _SMALLEST_KEY:
        raise Refused(f"the signature key has {bits} bits; the least is {_SMALLEST_KEY}")


def retry_pause(failures: int, retry_after: timedelta, jitter: float) -> timedelta:
    """Return the pause after a passing failure: doubling from 1 s, at least what the other side asks for.

    Args:
        failures: how many tries have failed in a row before this one.
        retry_after: what the other side asked for.
        jitter: 0 to 1; spreads up to a quarter, so that many submissions don't come back at once after an outage.
    """
    growing = timedelta(seconds=2.0 ** min(failures, 10)) * (1 + jitter / 4)
    return min(max(growing, retry_after), LONGEST_PAUSE)


def _bits(modulus: object) -> int:
    try:
        number = base64.urlsafe_b64decode(f"{modulus if isinstance(modulus, str) else ''}==")
    except (binascii.Error, ValueError):
        return 0
    return int.from_bytes(number).bit_length()


def _host(address: str) -> str:
    return urlsplit(address if "//" in address else f"//{address}").netloc.lower()


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
