"""RSA and EC keys of the state's side, made at the first start and kept."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, RSAKey

from sandbox.store import Connection, Store

TABLES = ("CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, pem BLOB NOT NULL, certificate BLOB)",)

RSA_BITS = 4096
"""The shortest key that FIT-Connect takes (crypto requirements)."""

Operation = Literal["verify", "wrapKey"]
_ALGORITHM: Mapping[Operation, str] = {"verify": "PS512", "wrapKey": "RSA-OAEP-256"}


@dataclass(frozen=True)
class RsaPair:
    """A private key and the JWK that is handed out; the kid is the thumbprint of RFC 7638."""

    private: RSAKey
    public: Mapping[str, Any]

    @property
    def kid(self) -> str:
        """Name of the key."""
        return str(self.public["kid"])


@dataclass(frozen=True)
class Keyring:
    """All keys of the state's side."""

    delivery: RsaPair
    """Signs the delivery service's security event tokens."""
    portal: RsaPair
    """Signs what the routing service says of destinations."""
    landeskonto: ECKey
    """Signs ID tokens (ES256)."""
    encryption: Mapping[str, RsaPair]
    """By destination: what applications are encrypted to."""
    signing: Mapping[str, RsaPair]
    """By destination: what the authority signs its answers with."""


async def open_keyring(store: Store, destinations: Sequence[str], now: datetime) -> Keyring:
    """Load the keys, and make those that are missing (about half a second for each of RSA)."""
    wanted: dict[str, Operation] = {"delivery": "verify", "portal": "verify"}
    for destination in destinations:
        wanted[f"encryption {destination}"] = "wrapKey"
        wanted[f"signing {destination}"] = "verify"
    pairs = dict(zip(wanted, await asyncio.gather(*(_rsa(store, n, o, now) for n, o in wanted.items())), strict=True))
    return Keyring(
        delivery=pairs["delivery"],
        portal=pairs["portal"],
        landeskonto=await _ec(store, "landeskonto"),
        encryption={one: pairs[f"encryption {one}"] for one in destinations},
        signing={one: pairs[f"signing {one}"] for one in destinations},
    )


async def _rsa(store: Store, name: str, operation: Operation, now: datetime) -> RsaPair:
    found = await store.run(lambda db: _find(db, name))
    if found is None:
        found = await asyncio.to_thread(_generate, name, operation, now)
        pem, certificate = found
        await store.run(lambda db: db.execute("INSERT INTO keys VALUES (?, ?, ?)", (name, pem, certificate)))
    return _pair(*found, operation)


async def _ec(store: Store, name: str) -> ECKey:
    found = await store.run(lambda db: _find(db, name))
    if found is not None:
        return _named(ECKey.import_key(found[0]))
    key = ECKey.generate_key("P-256")
    pem = key.as_pem(private=True)
    await store.run(lambda db: db.execute("INSERT INTO keys VALUES (?, ?, NULL)", (name, pem)))
    return _named(key)


def _named(key: ECKey) -> ECKey:
    return ECKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint(), "alg": "ES256", "use": "sig"})


def _find(db: Connection, name: str) -> tuple[bytes, bytes] | None:
    row = db.execute("SELECT pem, certificate FROM keys WHERE name = ?", (name,)).fetchone()
    return None if row is None else (row["pem"], row["certificate"])


def _generate(name: str, operation: Operation, now: datetime) -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    signs = operation == "verify"
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sandbox Digitales Rathaus"),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=signs,
        content_commitment=signs,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=5 * 365))
        .add_extension(usage, critical=True)
        .sign(
            key,
            hashes.SHA512(),
            rsa_padding=padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=padding.PSS.DIGEST_LENGTH),
        )
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, certificate.public_bytes(serialization.Encoding.DER)


def _pair(pem: bytes, certificate: bytes, operation: Operation) -> RsaPair:
    # The check of a key takes longer than the whole start; this one was made here.
    loaded = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise TypeError("the stored key is not an RSA key")
    private = RSAKey.import_key(loaded)
    public = {
        "kty": "RSA",
        "key_ops": [operation],
        "alg": _ALGORITHM[operation],
        "kid": private.thumbprint(),
        "x5c": [base64.b64encode(certificate).decode("ascii")],
        **{part: private.as_dict(private=False)[part] for part in ("n", "e")},
    }
    return RsaPair(private, public)
