"""Key pairs of the gateway: one that packages are sealed to, one that it signs identification reports with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Purpose = Literal["sealing", "signing"]


@dataclass(frozen=True)
class KeyPair:
    """A key pair whose private part only the vault can open."""

    kid: str
    purpose: Purpose
    public: Mapping[str, str]
    """Numbers of the RSA public key, ``kty``, ``n``, ``e``."""
    private: str
    """The private JWK, sealed by the vault."""
    made_at: datetime


@dataclass(frozen=True)
class Made:
    """A key pair can be used from now on."""


def make(kid: str, purpose: Purpose, public: Mapping[str, str], private: str, now: datetime) -> tuple[KeyPair, Made]:
    """Return a new key pair."""
    return KeyPair(kid, purpose, dict(public), private, now), Made()
