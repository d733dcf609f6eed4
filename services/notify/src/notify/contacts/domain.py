"""What notify knows of an account's address."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contact:
    """Where to write to."""

    email: str | None
    """None after erasure."""
    language: str
    erased: bool = False


def changed(state: Contact | None, email: str, language: str) -> Contact | None:
    """Take over the address that identity has proven; None where the account was erased: ids are never used again."""
    return None if state and state.erased else Contact(email, language)


def forgotten(state: Contact | None) -> Contact:
    """Drop the address for good."""
    return Contact(None, state.language if state else "de", erased=True)
