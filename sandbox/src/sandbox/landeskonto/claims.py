"""What the Landeskonto says of a person, and the signed ID token (OpenID Connect Core, section 2)."""

import base64
import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from sandbox.landeskonto.domain import TOKEN_LIFETIME, Grant, Session

_SUBJECTS = uuid.UUID("5b0f3c52-8f0e-4f43-9a55-0d1f4b7a2c11")


def subject(session: Session, client_id: str) -> str:
    """The person's identifier: always the same for this client, another one for any other."""
    return str(uuid.uuid5(_SUBJECTS, "|".join((client_id, session.person.slug, session.number))))


def person_claims(session: Session, scopes: Sequence[str], client_id: str) -> dict[str, Any]:
    """What the scopes open: ``email`` the address, ``profile`` names and date of birth."""
    person = session.person
    claims: dict[str, Any] = {"sub": subject(session, client_id)}
    if "email" in scopes:
        box = person.slug.replace("-", ".") + (f"+{session.number}" if session.number else "")
        claims |= {"email": f"{box}@example.org", "email_verified": person.email_verified}
    if "profile" in scopes:
        claims |= {"given_name": person.given_name, "family_name": person.family_name, "birthdate": person.birth_date}
    return claims


def id_token(grant: Grant, access_token: str, issuer: str, client_id: str, key: ECKey, now: datetime) -> str:
    """Sign the ID token (ES256) for a redeemed code."""
    session = grant.session
    digest = hashlib.sha256(access_token.encode("ascii")).digest()
    claims = {
        "iss": issuer,
        "aud": client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + TOKEN_LIFETIME).timestamp()),
        "auth_time": int(session.signed_in_at.timestamp()),
        "nonce": grant.request.nonce,
        "acr": session.person.acr,
        "at_hash": base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode("ascii"),
        **person_claims(session, grant.request.scopes, client_id),
    }
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
