"""Fresh proof, before something that cannot be undone: the password once more (ASVS 5.0, 7.5.3)."""

from fastapi import Request

from chassis.problems import FieldError, Kind, Refused
from identity.accounts.domain import Account, address_key
from identity.passwords.check import PasswordCheck
from identity.throttles.api import throttled
from identity.throttles.network import network_of

PASSWORD_WRONG = Kind(422, "password-wrong", "Das Passwort stimmt nicht.")


async def prove(check: PasswordCheck, ars: str, account: Account, password: str, request: Request) -> None:
    """Let pass whoever knows the account's password.

    Raises:
        Refused: it is another one, or too many were tried.
    """
    with throttled():
        right = await check.matches(ars, address_key(account.email), account.password, password, network_of(request))
    if not right:
        raise Refused(PASSWORD_WRONG, errors=[FieldError("/password", PASSWORD_WRONG.title)])
