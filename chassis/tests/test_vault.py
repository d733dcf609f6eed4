"""Secrets at rest."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from chassis.vault import CannotOpen, Vault


def _key(byte: bytes = b"k") -> SecretStr:
    return SecretStr(base64.urlsafe_b64encode(byte * 32).decode().rstrip("="))


@given(secret=st.binary(max_size=500))
def test_opens_what_it_sealed_and_never_seals_alike(secret: bytes) -> None:
    vault = Vault(_key())
    sealed = vault.seal(secret)
    assert vault.open(sealed) == secret
    assert sealed != vault.seal(secret)


def test_does_not_open_what_is_changed_or_not_its_own() -> None:
    sealed = Vault(_key()).seal(b"secret")
    head, key, nonce, body, tag = sealed.split(".")
    other = Vault(_key(b"o")).seal(b"secret").split(".")
    for wrong in ("", "x", sealed[:-4], ".".join([head, key, nonce, body[::-1], tag]), ".".join([head, *other[1:]])):
        with pytest.raises(CannotOpen):
            Vault(_key()).open(wrong)
    with pytest.raises(CannotOpen):
        Vault(_key(b"o")).open(sealed)


@pytest.mark.parametrize("key", ["", "short", "x" * 42, "ä" * 43, "!" * 43])
def test_a_bad_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="32 bytes") as refused:
        Vault(SecretStr(key))
    assert not key or key not in str(refused.value)
