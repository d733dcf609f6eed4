"""The keys that access tokens are signed with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


class NoSigningKey(Exception):
    """All keys are retired: nothing can be signed."""


@dataclass(frozen=True)
class SigningKey:
    """One ES256 key pair; the private half is sealed by the vault."""

    kid: str
    public: dict[str, str]
    """RFC 7517."""
    sealed: str
    created_at: datetime
    retires_at: datetime | None = None


@dataclass(frozen=True)
class Published:
    """The public half shall be known everywhere."""


def begin(key: SigningKey) -> tuple[SigningKey, Sequence[Published]]:
    """Bring a new key into use."""
    return key, [Published()]


def active(keys: Iterable[SigningKey], now: datetime) -> list[SigningKey]:
    """Return the keys whose tokens are accepted, oldest first."""
    usable = [key for key in keys if key.retires_at is None or now < key.retires_at]
    return sorted(usable, key=lambda key: (key.created_at, key.kid))


def signer(keys: Iterable[SigningKey], now: datetime) -> SigningKey:
    """Return the key to sign with: the oldest active one, which every reader has had the longest time to learn.

    Raises:
        NoSigningKey: none is active.
    """
    usable = active(keys, now)
    if not usable:
        raise NoSigningKey(f"{len(list(keys))} keys, none active at {now.isoformat()}")
    return usable[0]
