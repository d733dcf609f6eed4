"""The OpenID provider: the way of a sign-in, and every way that must not lead to a token."""

import base64
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from chassis.testing import FixedClock
from sandbox.landeskonto.domain import HIGH, NORMAL, SUBSTANTIAL, challenge_of
from sandbox.testing import LANDESKONTO_ID, LANDESKONTO_SECRET, OTHER_REDIRECT_URI, PUBLIC_URL, REDIRECT_URI

ISSUER = f"{PUBLIC_URL}/landeskonto"
VERIFIER = "v" * 43


def request(**changes: Any) -> dict[str, Any]:
    values = {
        "response_type": "code",
        "client_id": LANDESKONTO_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "prompt": "login",
        "max_age": "0",
        "acr_values": HIGH,
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


async def open_form(http: httpx.AsyncClient, **changes: Any) -> str:
    page = await http.get("/landeskonto/authorize", params=request(**changes))
    assert page.status_code == 200, page.headers.get("location")
    found = re.search(r'name="handle" value="([^"]+)"', page.text)
    assert found
    return found[1]


async def choose(http: httpx.AsyncClient, handle: str, person: str = "mia-beispiel", **form: str) -> httpx.Response:
    data = {"handle": handle, "person": person, "number": "", "action": "sign-in", **form}
    return await http.post("/landeskonto/sign-in", data=data)


def back(answer: httpx.Response, to: str = REDIRECT_URI) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    target = urlsplit(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == to
    query = dict(parse_qsl(target.query, strict_parsing=True))
    assert query["iss"] == ISSUER
    return query


async def get_code(http: httpx.AsyncClient, person: str = "mia-beispiel", number: str = "", **changes: Any) -> str:
    query = back(await choose(http, await open_form(http, **changes), person, number=number))
    assert query["state"] == "s-1"
    return query["code"]


async def redeem(http: httpx.AsyncClient, code: str, /, **changes: Any) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
        "client_id": LANDESKONTO_ID,
        "client_secret": LANDESKONTO_SECRET,
        **changes,
    }
    return await http.post("/landeskonto/token", data={name: v for name, v in form.items() if v is not None})


async def claims_of(http: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    keys = KeySet.import_key_set((await http.get("/landeskonto/jwks")).json())
    token = jwt.decode(answer.raise_for_status().json()["id_token"], keys, algorithms=["ES256"])
    return dict(token.claims)


async def test_the_whole_way(http: httpx.AsyncClient, clock: FixedClock) -> None:
    metadata = (await http.get("/landeskonto/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == ISSUER
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["acr_values_supported"] == [NORMAL, SUBSTANTIAL, HIGH]
    answer = await redeem(http, await get_code(http))
    assert answer.headers["cache-control"] == "no-store"
    claims = await claims_of(http, answer)
    now = int(clock.now().timestamp())
    assert claims | {"sub": "", "at_hash": ""} == {
        "iss": ISSUER,
        "aud": LANDESKONTO_ID,
        "sub": "",
        "iat": now,
        "exp": now + 300,
        "auth_time": now,
        "nonce": "n-1",
        "acr": HIGH,
        "at_hash": "",
        "email": "mia.beispiel@example.org",
        "email_verified": True,
    }
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    told = (await http.get("/landeskonto/userinfo", headers=headers)).json()
    assert told == {"sub": claims["sub"], "email": claims["email"], "email_verified": True}


async def test_both_municipalities_may_be_returned_to(http: httpx.AsyncClient) -> None:
    handle = await open_form(http, redirect_uri=OTHER_REDIRECT_URI)
    code = back(await choose(http, handle), OTHER_REDIRECT_URI)["code"]
    assert (await redeem(http, code, redirect_uri=OTHER_REDIRECT_URI)).status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.org/",
        REDIRECT_URI + "/",
        REDIRECT_URI + "?a=1",
        REDIRECT_URI.replace("https", "http"),
        REDIRECT_URI.upper(),
        None,
    ],
)
async def test_an_address_that_is_not_registered_is_never_gone_to(http: httpx.AsyncClient, uri: str | None) -> None:
    answer = await http.get("/landeskonto/authorize", params=request(redirect_uri=uri))
    assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_an_unknown_client_is_told_on_a_page(http: httpx.AsyncClient) -> None:
    answer = await http.get("/landeskonto/authorize", params=request(client_id="<script>"))
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "email"}, "invalid_scope"),
        ({"state": None}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
        ({"acr_values": "http://example.org/LoA/highest"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none", "max_age": None}, "login_required"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"),
        ({"request_uri": "https://example.org/"}, "request_uri_not_supported"),
    ],
)
async def test_a_request_that_is_answered_with_an_error(
    http: httpx.AsyncClient, changes: dict[str, Any], error: str
) -> None:
    query = back(await http.get("/landeskonto/authorize", params=request(**changes)))
    assert query["error"] == error
    assert "code" not in query
    assert query.get("state") == ("s-1" if "state" not in changes else None)


async def test_a_doubled_parameter(http: httpx.AsyncClient) -> None:
    query = urlencode(request()) + "&nonce=n-2"
    assert back(await http.get(f"/landeskonto/authorize?{query}"))["error"] == "invalid_request"
    query = urlencode(request()) + f"&redirect_uri={REDIRECT_URI}"
    assert (await http.get(f"/landeskonto/authorize?{query}")).status_code == 400


async def test_the_request_may_be_posted(http: httpx.AsyncClient) -> None:
    assert 'name="handle"' in (await http.post("/landeskonto/authorize", data=request())).text


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"code_verifier": challenge_of(VERIFIER)}, 400, "invalid_grant"),
        ({"redirect_uri": OTHER_REDIRECT_URI}, 400, "invalid_grant"),
        ({"redirect_uri": None}, 400, "invalid_grant"),
        ({"code": "invented"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"client_id": "somebody"}, 401, "invalid_client"),
    ],
)
async def test_a_code_that_is_worth_nothing(
    http: httpx.AsyncClient, changes: dict[str, Any], status: int, error: str
) -> None:
    answer = await redeem(http, await get_code(http), **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "id_token" not in answer.json()


async def test_a_wrong_verifier_uses_the_code_up(http: httpx.AsyncClient) -> None:
    code = await get_code(http)
    assert (await redeem(http, code, code_verifier="w" * 43)).status_code == 400
    assert (await redeem(http, code)).json()["error"] == "invalid_grant"


async def test_the_second_use_of_a_code_takes_back_the_first(http: httpx.AsyncClient) -> None:
    code = await get_code(http)
    headers = {"Authorization": f"Bearer {(await redeem(http, code)).json()['access_token']}"}
    assert (await http.get("/landeskonto/userinfo", headers=headers)).status_code == 200
    assert (await redeem(http, code)).json()["error"] == "invalid_grant"
    assert (await http.get("/landeskonto/userinfo", headers=headers)).status_code == 401


async def test_a_code_lives_a_minute(http: httpx.AsyncClient, clock: FixedClock) -> None:
    fresh = await get_code(http)
    clock.advance(60)
    assert (await redeem(http, fresh)).status_code == 200
    old = await get_code(http)
    clock.advance(60.1)
    assert (await redeem(http, old)).json()["error"] == "invalid_grant"


async def test_the_client_may_use_the_header(http: httpx.AsyncClient) -> None:
    code = await get_code(http)
    pair = base64.b64encode(f"{LANDESKONTO_ID}:{LANDESKONTO_SECRET}".encode()).decode()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    headers = {"Authorization": f"Basic {pair}"}
    both = await http.post("/landeskonto/token", data={**form, "client_secret": LANDESKONTO_SECRET}, headers=headers)
    assert both.json()["error"] == "invalid_request"
    for wrong in ("Basic !!!", "Basic eDp5", f"Bearer {pair}"):
        answer = await http.post("/landeskonto/token", data=form, headers={"Authorization": wrong})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await http.post("/landeskonto/token", data=form, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("person", "minimum", "level"),
    [
        ("mia-beispiel", HIGH, HIGH),
        ("mia-beispiel", NORMAL, HIGH),
        ("alex-probe", f"{SUBSTANTIAL} {HIGH}", SUBSTANTIAL),
        ("alex-probe", HIGH, None),
        ("jonas-muster", None, NORMAL),
        ("jonas-muster", SUBSTANTIAL, None),
    ],
)
async def test_the_asked_level_is_a_minimum(
    http: httpx.AsyncClient, person: str, minimum: str | None, level: str | None
) -> None:
    query = back(await choose(http, await open_form(http, acr_values=minimum), person))
    if level is None:
        assert query["error"] == "unmet_authentication_requirements"
    else:
        assert (await claims_of(http, await redeem(http, query["code"])))["acr"] == level


async def test_a_low_sign_in_does_not_serve_a_higher_demand(http: httpx.AsyncClient) -> None:
    plain: dict[str, Any] = {"prompt": None, "max_age": None}
    await get_code(http, "jonas-muster", acr_values=NORMAL, **plain)
    assert back(await http.get("/landeskonto/authorize", params=request(acr_values=NORMAL, **plain)))["code"]
    assert (await http.get("/landeskonto/authorize", params=request(acr_values=HIGH, **plain))).status_code == 200


async def test_who_is_signed_in_is_not_asked_again_unless_it_is_demanded(
    http: httpx.AsyncClient, clock: FixedClock
) -> None:
    plain: dict[str, Any] = {"prompt": None, "max_age": None}
    await get_code(http, **plain)
    first = int(clock.now().timestamp())
    clock.advance(100)
    silent = back(await http.get("/landeskonto/authorize", params=request(**{**plain, "prompt": "none"})))
    assert (await claims_of(http, await redeem(http, silent["code"])))["auth_time"] == first
    assert back(await http.get("/landeskonto/authorize", params=request(**{**plain, "max_age": "101"})))["code"]
    for demand in ({"max_age": "100"}, {"prompt": "login"}, {"max_age": "0"}):
        code = await get_code(http, **{**plain, **demand})
        assert (await claims_of(http, await redeem(http, code)))["auth_time"] == first + 100


async def test_a_sign_in_is_forgotten_after_an_hour_and_after_signing_out(
    http: httpx.AsyncClient, clock: FixedClock
) -> None:
    silent = request(prompt="none", max_age=None)
    await get_code(http)
    clock.advance(timedelta(hours=1))
    assert back(await http.get("/landeskonto/authorize", params=silent))["error"] == "login_required"
    await get_code(http)
    left = await http.get(
        "/landeskonto/logout", params={"post_logout_redirect_uri": "https://rathaus.example.org/", "state": "x"}
    )
    assert left.headers["location"] == "https://rathaus.example.org/?state=x"
    assert back(await http.get("/landeskonto/authorize", params=silent))["error"] == "login_required"
    stays = await http.get("/landeskonto/logout", params={"post_logout_redirect_uri": "https://evil.example.org/"})
    assert (stays.status_code, "abgemeldet" in stays.text) == (200, True)


async def test_persons_are_stable_and_numbers_make_more_of_them(http: httpx.AsyncClient) -> None:
    subjects = []
    for number in ("", "", "k-1", "k-2", "k-1"):
        claims = await claims_of(http, await redeem(http, await get_code(http, number=number)))
        subjects.append((claims["sub"], claims["email"]))
    assert subjects[0] == subjects[1]
    assert subjects[2] == subjects[4]
    assert len(set(subjects)) == 3
    unverified = await claims_of(http, await redeem(http, await get_code(http, "kim-vorlage")))
    assert unverified["email_verified"] is False


async def test_only_what_was_asked_for_is_told(http: httpx.AsyncClient) -> None:
    bare = await claims_of(http, await redeem(http, await get_code(http, scope="openid")))
    assert not {"email", "given_name"} & set(bare)
    full = await claims_of(http, await redeem(http, await get_code(http, scope="openid profile unknown")))
    assert (full["given_name"], full["family_name"], full["birthdate"]) == ("Mia", "Beispiel", "2010-05-14")


async def test_the_form_can_be_cancelled_once(http: httpx.AsyncClient) -> None:
    handle = await open_form(http)
    assert back(await choose(http, handle, action="cancel"))["error"] == "access_denied"
    again = await choose(http, handle)
    assert (again.status_code, "location" in again.headers) == (400, False)


async def test_the_form_tells_what_is_wrong_and_can_be_sent_again(http: httpx.AsyncClient) -> None:
    handle = await open_form(http)
    for wrong in ({"person": "nobody"}, {"number": "GROSS"}, {"number": "x" * 41}):
        answer = await choose(http, handle, **wrong)
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
    assert back(await choose(http, handle))["code"]


async def test_the_form_expires_and_takes_nothing_from_elsewhere(http: httpx.AsyncClient, clock: FixedClock) -> None:
    handle = await open_form(http)
    data = {"handle": handle, "person": "mia-beispiel", "action": "sign-in"}
    foreign = await http.post("/landeskonto/sign-in", data=data, headers={"Origin": "https://evil.example.org"})
    assert foreign.status_code == 403
    clock.advance(timedelta(minutes=10))
    assert (await choose(http, handle)).status_code == 400


async def test_the_page_is_closed_to_everything_but_its_own_way(http: httpx.AsyncClient) -> None:
    page = await http.get("/landeskonto/authorize", params=request(acr_values=SUBSTANTIAL))
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self' https://rathaus.example.org;")
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert '<html lang="de">' in page.text
    assert page.text.count("<label for=") == 5
    assert re.search(r'id="person-jonas-muster" value="jonas-muster" required disabled', page.text)
    style = await http.get("/landeskonto/style.css")
    assert style.headers["content-type"].startswith("text/css")
    cookie = (await choose(http, await open_form(http))).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_userinfo_needs_a_living_token(http: httpx.AsyncClient, clock: FixedClock) -> None:
    token = (await redeem(http, await get_code(http))).json()["access_token"]
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {token}"}):
        assert (await http.get("/landeskonto/userinfo", headers=header)).status_code == 401
    clock.advance(timedelta(minutes=5))
    assert (await http.get("/landeskonto/userinfo", headers={"Authorization": f"Bearer {token}"})).status_code == 401


def test_the_challenge_of_rfc_7636() -> None:
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
