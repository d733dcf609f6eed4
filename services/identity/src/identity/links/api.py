"""Linking the account with the citizen's Landeskonto."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from chassis.http import CheckedRoute, CommandKey, Id, Input, Output, Tenant, provided
from chassis.municipalities import Municipalities
from chassis.problems import Refused
from identity.accounts.api import Password
from identity.links.linking import Linking, Return
from identity.passwords.api import prove
from identity.passwords.check import PasswordCheck
from identity.sessions.guard import LiveSession
from identity.sessions.tokens import SessionAnswer, Tokens
from identity.settings import Settings

router = APIRouter(prefix="/api/identity/v1/{ars}/links", route_class=CheckedRoute, tags=["links"])


class NewLink(Input):
    """Fresh proof that the local account is the caller's."""

    password: Password


class BegunLink(Output):
    """Where the citizen signs in at the Landeskonto."""

    link_id: str
    authorization_url: str
    expires_at: datetime


class Completion(Input):
    """What the Landeskonto added to the address that it sent the browser back to."""

    code: Annotated[str, Field(min_length=1, max_length=2_000)]
    state: Annotated[str, Field(max_length=200)]
    iss: Annotated[str, Field(max_length=500)]


@router.post(
    "", status_code=201, operation_id="beginLink", response_model=BegunLink, summary="Landeskonto verknüpfen: beginnen"
)
async def begin_link(
    ars: Tenant,
    body: NewLink,
    key: CommandKey,
    present: LiveSession,
    request: Request,
    linking: Annotated[Linking, provided(Linking)],
    check: Annotated[PasswordCheck, provided(PasswordCheck)],
    municipalities: Annotated[Municipalities, provided(Municipalities)],
    settings: Annotated[Settings, provided(Settings)],
) -> BegunLink:
    """Show the password again and get the address of the Landeskonto's sign-in. Ten minutes to come back."""
    await prove(check, ars, present.account, body.password, request)
    id, attempt, url = await linking.begin(present, key, _redirect_uri(settings, municipalities, ars))
    return BegunLink(link_id=id, authorization_url=url, expires_at=attempt.expires_at)


@router.post(
    "/{link_id}/completion",
    operation_id="completeLink",
    response_model=SessionAnswer,
    summary="Landeskonto verknüpfen: beenden",
)
async def complete_link(
    ars: Tenant,
    link_id: Id,
    body: Completion,
    present: LiveSession,
    response: Response,
    linking: Annotated[Linking, provided(Linking)],
    tokens: Annotated[Tokens, provided(Tokens)],
    municipalities: Annotated[Municipalities, provided(Municipalities)],
    settings: Annotated[Settings, provided(Settings)],
) -> SessionAnswer:
    """Hand in what the Landeskonto sent back. The session gets its level and new tokens; all other sessions end."""
    session, account = await linking.complete(
        present, link_id, Return(body.code, body.state, body.iss), _redirect_uri(settings, municipalities, ars)
    )
    return tokens.answer(response, ars, session, account)


def _redirect_uri(settings: Settings, municipalities: Municipalities, ars: str) -> str:
    municipality = municipalities.get(ars)
    if municipality is None:
        raise Refused(404)
    return f"{settings.public_url}/{municipality.slug}/landeskonto"
