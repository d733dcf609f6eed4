"""Encryption and signatures as the exchange wants them. The only place that knows the JOSE library.

FIT-Connect, "crypto": JWE with RSA-OAEP-256 and A256GCM, never compressed, one for each part; JWS with PS512.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

_ALGORITHMS = ["RSA-OAEP-256", "A256GCM"]
_LARGEST = 32 * 1024 * 1024
"""Bytes of one ciphertext: an attachment may have 10 MiB."""


class Unreadable(Exception):
    """Not a JOSE object that we could open or verify. Says nothing of its contents."""


class _Encryption(jwe.JWERegistry):
    max_ciphertext_length = _LARGEST


class _Signature(jws.JWSRegistry):
    max_payload_length = 256 * 1024
    # A self-service portal puts a certificate chain into the header.
    max_header_length = 32 * 1024


PrivateKey = RSAKey


def new_key() -> tuple[dict[str, str], dict[str, str]]:
    """Return a new RSA key of 4096 bit as public and private JWK. Takes seconds: call it in a thread."""
    key = RSAKey.generate_key(4096)
    private = {name: str(value) for name, value in key.as_dict(private=True).items() if name != "kid"}
    return {name: private[name] for name in ("kty", "n", "e")}, private


def private_key(jwk: Mapping[str, str]) -> PrivateKey:
    """Return a private key ready for use."""
    return RSAKey.import_key(dict(jwk))


def sign(header: Mapping[str, Any], payload: bytes, key: PrivateKey) -> str:
    """Return a compact JWS with PS512."""
    return jws.serialize_compact({**header, "alg": "PS512"}, payload, key, registry=_Signature(algorithms=["PS512"]))


def encrypt(plain: bytes, public_jwk: Mapping[str, Any], content_type: str) -> str:
    """Return a compact JWE of the bytes for the holder of the key."""
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": public_jwk["kid"], "cty": content_type}
    registry = _Encryption(algorithms=_ALGORITHMS)
    return jwe.encrypt_compact(header, plain, _key(public_jwk), registry=registry)


def decrypt(token: str, key: PrivateKey) -> bytes:
    """Open a compact JWE.

    Raises:
        Unreadable: it is none, uses other algorithms, is compressed, or was encrypted to another key.
    """
    try:
        if "zip" in jwe_header(token):
            raise Unreadable("compressed content is not accepted")
        opened = jwe.decrypt_compact(token, key, registry=_Encryption(algorithms=_ALGORITHMS))
    except (JoseError, ValueError) as error:
        raise Unreadable(f"the JWE cannot be opened: {type(error).__name__}") from None
    if opened.plaintext is None:
        raise Unreadable("the JWE is empty")
    return opened.plaintext


def jwe_header(token: str) -> dict[str, Any]:
    """Return the protected header of a compact JWE.

    Raises:
        Unreadable: it is none.
    """
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not a compact JWE: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise Unreadable("not a compact JWE: its header is not an object")
    return header


def tag_of(token: str) -> str:
    """Return the authentication tag of a compact JWE: its fifth part, as it is written."""
    return token.rsplit(".", 1)[1]


def peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a compact JWS, unverified: to find the key that must verify it.

    Raises:
        Unreadable: it is none, or its payload is not a JSON object.
    """
    try:
        found = jws.extract_compact(token.encode(), registry=_Signature(algorithms=["PS512"]))
        claims = json.loads(found.payload)
        header = dict(found.headers())
    except (JoseError, ValueError, RecursionError) as error:
        raise Unreadable(f"not a compact JWS: {type(error).__name__}") from None
    if not isinstance(claims, dict):
        raise Unreadable("the payload is not an object")
    return header, claims


def verify(token: str, public_jwk: Mapping[str, Any]) -> None:
    """Check the PS512 signature of a compact JWS.

    Raises:
        Unreadable: it is wrong, or made with another algorithm.
    """
    try:
        jws.deserialize_compact(token, _key(public_jwk), registry=_Signature(algorithms=["PS512"]))
    except (JoseError, ValueError) as error:
        raise Unreadable(f"the signature is not right: {type(error).__name__}") from None


def _key(jwk: Mapping[str, Any]) -> RSAKey:
    # Only the numbers: the library checks key_ops against its own names for the operations.
    return RSAKey.import_key({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
