"""The Landeskonto over HTTP: discovery, authorize, sign-in form, token, userinfo, keys, sign-out."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc.jwk import ECKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from chassis.clock import Clock
from sandbox.bodies import read_body
from sandbox.gate import Gate
from sandbox.landeskonto import claims, domain, store
from sandbox.landeskonto.domain import (
    HIGH,
    LEVELS,
    NORMAL,
    PERSONS,
    SUBSTANTIAL,
    CodeInvalid,
    Grant,
    Refused,
    Registration,
    Session,
    Untrusted,
)
from sandbox.pages import page, style
from sandbox.store import Connection, Store

COOKIE = "landeskonto"
MAX_FORM = 64 * 1024
"""Bytes."""
_NAMES = {NORMAL: "normal", SUBSTANTIAL: "substanziell", HIGH: "hoch"}
_NO_STORE = {"Cache-Control": "no-store"}


class TokenRefused(Exception):
    """The token endpoint says no (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


class Landeskonto:
    """Handlers of the provider."""

    def __init__(self, store: Store, clock: Clock, key: ECKey, issuer: str, client: Registration) -> None:
        self._store = store
        self._clock = clock
        self._key = key
        self._issuer = issuer
        self._client = client
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(issuer))

    async def discovery(self, request: Request) -> Response:
        """GET the provider's metadata (OpenID Connect Discovery)."""
        base = self._issuer
        return JSONResponse(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "userinfo_endpoint": f"{base}/userinfo",
                "jwks_uri": f"{base}/jwks",
                "end_session_endpoint": f"{base}/logout",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": list(domain.SCOPES),
                "acr_values_supported": list(LEVELS),
                "prompt_values_supported": ["none", "login", "consent", "select_account"],
                "claims_supported": [
                    *("iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "acr", "at_hash"),
                    *("email", "email_verified", "given_name", "family_name", "birthdate"),
                ],
                "ui_locales_supported": ["de"],
                "request_parameter_supported": False,
                "request_uri_parameter_supported": False,
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: Request) -> Response:
        """GET the key that verifies ID tokens."""
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """GET or POST an authorization request: the form, or at once the code where the sign-in is recent enough."""
        pairs = await _form(request) if request.method == "POST" else request.query_params.multi_items()
        try:
            wanted = domain.read_request(pairs, self._client)
        except Untrusted as error:
            return page("message", {"title": "Anmeldung nicht möglich", "text": f"{error}."}, status=400)
        except Refused as error:
            return self._refuse(error)
        now = self._clock.now()
        cookie = request.cookies.get(COOKIE, "")
        present = await self._store.run(lambda db: store.session(db, cookie, now))
        if present is not None and domain.good_enough(present, wanted, now):
            code = await self._store.run(lambda db: store.issue_code(db, Grant(wanted, present, now)))
            return self._back(wanted.redirect_uri, {"code": code, "state": wanted.state})
        if "none" in wanted.prompt:
            return self._refuse(
                Refused("login_required", "no sign-in that is good enough", wanted.redirect_uri, wanted.state)
            )
        handle = await self._store.run(lambda db: store.begin_sign_in(db, wanted, now))
        return self._form_page(handle, wanted)

    def _form_page(self, handle: str, wanted: domain.Request, error: str = "") -> Response:
        choices = "\n".join(_choice(person, wanted.minimum) for person in PERSONS)
        told = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
        return page(
            "sign-in",
            {"handle": handle, "minimum": _NAMES[wanted.minimum], "title_prefix": "Fehler: " if error else ""},
            fragments={"choices": choices, "error": told},
            status=422 if error else 200,
            form_target=wanted.redirect_uri,
        )

    async def sign_in(self, request: Request) -> Response:
        """POST the form: back to the client with a code, or with what went wrong."""
        if request.headers.get("origin", self._origin) != self._origin:
            return page("message", {"title": "Anmeldung nicht möglich", "text": "Fremde Herkunft."}, status=403)
        form = dict(await _form(request))
        now = self._clock.now()
        handle = form.get("handle", "")
        wanted = await self._store.run(lambda db: store.sign_in(db, handle, now))
        if wanted is None:
            text = "Diese Anmeldung ist abgelaufen oder schon benutzt. Beginnen Sie bitte beim Dienst neu."
            return page("message", {"title": "Anmeldung abgelaufen", "text": text}, status=400)
        if form.get("action") == "cancel":
            await self._store.run(lambda db: store.end_sign_in(db, handle))
            return self._refuse(Refused("access_denied", "cancelled", wanted.redirect_uri, wanted.state))
        person = next((one for one in PERSONS if one.slug == form.get("person")), None)
        if person is None:
            return self._form_page(handle, wanted, "Wählen Sie eine Person aus.")
        if not re.fullmatch(r"[a-z0-9-]{0,40}", form.get("number", "")):
            return self._form_page(handle, wanted, "Die Kennung hat unerlaubte Zeichen oder mehr als 40.")
        if not domain.reaches(person.acr, wanted.minimum):
            await self._store.run(lambda db: store.end_sign_in(db, handle))
            return self._refuse(
                Refused("unmet_authentication_requirements", "level too low", wanted.redirect_uri, wanted.state)
            )
        signed_in = Session(person, form.get("number", ""), now)

        def finish(db: Connection) -> tuple[str, str]:
            store.end_sign_in(db, handle)
            return store.open_session(db, signed_in), store.issue_code(db, Grant(wanted, signed_in, now))

        cookie, code = await self._store.run(finish)
        answer = self._back(wanted.redirect_uri, {"code": code, "state": wanted.state})
        answer.set_cookie(
            COOKIE,
            cookie,
            max_age=int(domain.SESSION_LIFETIME.total_seconds()),
            path="/landeskonto",
            secure=self._origin.startswith("https:"),
            httponly=True,
            samesite="lax",
        )
        return answer

    async def token(self, request: Request) -> Response:
        """POST a code: ID token and access token, once."""
        try:
            form = self._client_form(request, await _form(request))
            if form.get("grant_type") != "authorization_code":
                raise TokenRefused("unsupported_grant_type", "only authorization_code")
            return await self._redeem(form)
        except TokenRefused as refused:
            headers = {**_NO_STORE, "WWW-Authenticate": "Basic"} if refused.status == 401 else _NO_STORE
            body = {"error": refused.error, "error_description": str(refused)}
            return JSONResponse(body, refused.status, headers=headers)

    async def _redeem(self, form: Mapping[str, str]) -> Response:
        code, now = form.get("code", ""), self._clock.now()

        def redeem(db: Connection) -> tuple[Grant, str] | CodeInvalid:
            grant = store.grant(db, code)
            if grant is None:
                return CodeInvalid("unknown code")
            # Returned, not raised: that the code is used up must be written.
            store.use_code(db, code, grant)
            try:
                domain.redeem(grant, form.get("redirect_uri", ""), form.get("code_verifier", ""), now)
            except CodeInvalid as error:
                store.revoke_tokens(db, code)
                return error
            return grant, store.issue_token(db, code, grant, now)

        done = await self._store.run(redeem)
        if isinstance(done, CodeInvalid):
            raise TokenRefused("invalid_grant", str(done))
        grant, access_token = done
        return JSONResponse(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": int(domain.TOKEN_LIFETIME.total_seconds()),
                "scope": " ".join(grant.request.scopes),
                "id_token": claims.id_token(grant, access_token, self._issuer, self._client.client_id, self._key, now),
            },
            headers=_NO_STORE,
        )

    def _client_form(self, request: Request, pairs: list[tuple[str, str]]) -> dict[str, str]:
        form = dict(pairs)
        if len(form) != len(pairs):
            raise TokenRefused("invalid_request", "a parameter occurs twice")
        given = form.get("client_id"), form.get("client_secret")
        if "authorization" in request.headers:
            if given[1] is not None:
                raise TokenRefused("invalid_request", "two ways of client authentication")
            given = _basic(request.headers["authorization"])
        id, secret = (value or "" for value in given)
        known = secrets.compare_digest(secret.encode("utf-8"), self._client.client_secret.encode("utf-8"))
        if id != self._client.client_id or not known:
            raise TokenRefused("invalid_client", "unknown client or wrong secret", 401)
        return form

    async def userinfo(self, request: Request) -> Response:
        """GET or POST with an access token: what its scopes open."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        now = self._clock.now()
        found = await self._store.run(lambda db: store.access(db, token, now)) if scheme.lower() == "bearer" else None
        if found is None:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"', **_NO_STORE}
            return JSONResponse({"error": "invalid_token"}, 401, headers=challenge)
        told = claims.person_claims(found.session, found.scopes, self._client.client_id)
        return JSONResponse(told, headers=_NO_STORE)

    async def logout(self, request: Request) -> Response:
        """GET or POST: sign out, and back to a registered address if one is asked for."""
        pairs = await _form(request) if request.method == "POST" else request.query_params.multi_items()
        given = dict(pairs)
        cookie = request.cookies.get(COOKIE, "")
        await self._store.run(lambda db: store.close_session(db, cookie))
        target = given.get("post_logout_redirect_uri")
        answer: Response
        if target in self._client.logout_uris and given.get("client_id", self._client.client_id) == (
            self._client.client_id
        ):
            query = {"state": given["state"]} if "state" in given else {}
            answer = RedirectResponse(_with_query(target or "", query), 303, headers=_NO_STORE)
        else:
            text = "Sie sind vom Landeskonto abgemeldet. Sie können dieses Fenster schließen."
            answer = page("message", {"title": "Abgemeldet", "text": text})
        answer.delete_cookie(COOKIE, path="/landeskonto")
        return answer

    def _refuse(self, error: Refused) -> Response:
        told = {"error": error.error, "error_description": str(error)}
        return self._back(error.redirect_uri, {**told, "state": error.state} if error.state else told)

    def _back(self, redirect_uri: str, query: Mapping[str, str]) -> RedirectResponse:
        # RFC 9207: the client must be able to tell which provider has answered.
        target = _with_query(redirect_uri, {**query, "iss": self._issuer})
        return RedirectResponse(target, 303, headers={**_NO_STORE, "Referrer-Policy": "no-referrer"})


def routes(gate: Gate, provider: Landeskonto) -> list[Route]:
    """The endpoints of the provider."""
    base = "/landeskonto"
    table = [
        ("GET", "/.well-known/openid-configuration", "landeskonto-discovery", provider.discovery),
        ("GET", "/jwks", "landeskonto-jwks", provider.jwks),
        ("GET", "/authorize", "landeskonto-authorize", provider.authorize),
        ("POST", "/authorize", "landeskonto-authorize-form", provider.authorize),
        ("POST", "/sign-in", "landeskonto-sign-in", provider.sign_in),
        ("POST", "/token", "landeskonto-token", provider.token),
        ("GET", "/userinfo", "landeskonto-userinfo", provider.userinfo),
        ("POST", "/userinfo", "landeskonto-userinfo-form", provider.userinfo),
        ("GET", "/logout", "landeskonto-logout", provider.logout),
        ("POST", "/logout", "landeskonto-logout-form", provider.logout),
        ("GET", "/style.css", "landeskonto-style", style),
    ]
    return [
        gate.route(method, base + path, name, handler, needs_user_agent=False) for method, path, name, handler in table
    ]


async def _form(request: Request) -> list[tuple[str, str]]:
    body = await read_body(request, "application/x-www-form-urlencoded", MAX_FORM)
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _basic(header: str) -> tuple[str, str]:
    """Client id and secret of HTTP Basic, each form-encoded before (RFC 6749, section 2.3.1)."""
    scheme, _, value = header.partition(" ")
    try:
        id, _, secret = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (unquote_plus(id), unquote_plus(secret)) if scheme.lower() == "basic" else ("", "")


def _with_query(address: str, query: Mapping[str, str]) -> str:
    if not query:
        return address
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"


def _choice(person: domain.Person, minimum: str) -> str:
    enough = domain.reaches(person.acr, minimum)
    id = f"person-{person.slug}"
    note = f"Vertrauensniveau {_NAMES[person.acr]}: {person.means}" + ("" if enough else ". Reicht hier nicht aus.")
    return (
        f'<div class="choice"><input type="radio" name="person" id="{id}" value="{person.slug}" required'
        f'{"" if enough else " disabled"}><label for="{id}">{escape(person.name)}'
        f'<span class="hint">{escape(note)}</span></label></div>'
    )
