"""What others learn of the gateway's keys: public parts alone, and only of those that others must use."""

from collections.abc import Sequence

from contracts.event import Event
from contracts.osi_gateway import SealingKeyPublished
from osi_gateway.keys.domain import KeyPair, Made


def publish(pair: KeyPair, fact: Made) -> Sequence[Event]:
    """Publish a sealing key."""
    if pair.purpose != "sealing":
        return ()
    jwk: dict[str, str | list[str]] = {
        **pair.public,
        "kid": pair.kid,
        "alg": "RSA-OAEP-256",
        "key_ops": ["wrapKey"],
    }
    return (SealingKeyPublished(occurred_at=pair.made_at, kid=pair.kid, jwk=jwk),)
