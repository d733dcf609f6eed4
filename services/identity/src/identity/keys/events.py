"""What others learn of a key: its public half."""

from collections.abc import Sequence

from contracts import Event
from contracts.identity import TokenKeyPublished
from identity.keys.domain import Published, SigningKey


def publish(key: SigningKey, fact: Published) -> Sequence[Event]:
    """Translate one fact; ``key`` is the state after it."""
    return [TokenKeyPublished(occurred_at=key.created_at, kid=key.kid, jwk=key.public, retires_at=key.retires_at)]
