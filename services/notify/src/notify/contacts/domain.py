"""What notify knows of an account's address."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contact:
    """Where to write to."""

    email: str | None
    """None after erasure."""
    language: str
    erased: bool = False


def changed(email: str, language: str) -> Contact:
    """Take over the address that identity has proven."""
    return Contact(email, language)


def forgotten(state: Contact | None) -> Contact:
    """Drop the address for good."""
    return Contact(None, state.language if state else "de", erased=True)
