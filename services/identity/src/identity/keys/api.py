"""The public keys, for the API gateway."""

from typing import Annotated

from fastapi import APIRouter

from chassis.http import CheckedRoute, Output, provided
from identity.keys.signer import Signer

router = APIRouter(prefix="/api/identity/v1", route_class=CheckedRoute, tags=["keys"])


class PublicKey(Output):
    """One key (RFC 7517)."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    alg: str
    use: str


class KeySet(Output):
    """All keys in use."""

    keys: list[PublicKey]


@router.get(
    "/jwks", operation_id="getTokenKeys", response_model=KeySet, summary="Schlüssel zum Prüfen der Zugriffstoken"
)
async def get_token_keys(signer: Annotated[Signer, provided(Signer)]) -> KeySet:
    """Return the public keys that access tokens are checked with."""
    return KeySet(keys=[PublicKey.model_validate(key) for key in signer.published()])
