"""The real Envoy with the product's configuration; behind it one program that tells what reached it."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rathaus.gateway import UPSTREAMS, render
from rathaus.stack import REPOSITORY, Ports
from rathaus.stack.ports import is_listening
from rathaus.stack.services import answers
from rathaus.stack.supervisor import Child

ARS = "150900546546"
PRIVATE = f"/api/forms/v1/{ARS}/applications"
ORIGIN = "http://localhost:8080"
BURST = 400


@dataclass(frozen=True)
class Gateway:
    url: str
    log: Path
    key: ECKey

    def token(self, **changed: object) -> str:
        claims = {"iss": "urn:rathaus:identity", "aud": "rathaus", "sub": "a", "exp": int(time.time()) + 300, **changed}
        return jwt.encode({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}, claims, self.key)

    def bearer(self, **changed: object) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(**changed)}"}


def behind(key: ECKey) -> Starlette:
    async def tell(request: Request) -> Response:
        body = await request.body()
        return JSONResponse({"headers": dict(request.headers), "path": request.url.path, "size": len(body)})

    async def jwks(request: Request) -> Response:
        return JSONResponse({"keys": [{**key.as_dict(private=False), "kid": "k1", "alg": "ES256", "use": "sig"}]})

    async def events(request: Request) -> Response:
        async def stream() -> AsyncIterator[str]:
            yield "event: status\ndata: {}\n\n"
            await asyncio.sleep(1.5)
            yield "event: status\ndata: {}\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def late(request: Request) -> Response:
        await asyncio.sleep(3)
        return Response()

    return Starlette(
        routes=[
            Route("/api/identity/v1/jwks", jwks),
            Route(f"{PRIVATE}/1/events", events),
            Route(f"{PRIVATE}/1/late", late),
            Route("/{path:path}", tell, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    )


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[int, ECKey]]:
    port, key = Ports.free().portal, ECKey.generate_key("P-256")
    server = uvicorn.Server(uvicorn.Config(behind(key), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not is_listening(port):
        time.sleep(0.02)
    yield port, key
    server.should_exit = True
    thread.join()


Open = Callable[..., Gateway]


@pytest.fixture(scope="module")
def launch(upstream: tuple[int, ECKey], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    children: list[Child] = []

    def start(**changed: str) -> Gateway:
        folder, ports = tmp_path_factory.mktemp("gateway"), Ports.free()
        environment = environment_of(ports, upstream[0], folder, **changed)
        log, address = folder / "log", f"http://127.0.0.1:{ports.gateway}"
        command = [sys.executable, "-m", "rathaus.gateway"]
        child = Child("gateway", command, environment, log, lambda: answers(f"{address}/api/identity/v1/jwks"), 2)
        children.append(child)
        child.start()
        child.wait_ready(30)
        return Gateway(address, log, upstream[1])

    yield start
    for child in children:
        child.stop()


@pytest.fixture(scope="module")
def gateway(launch: Open) -> Gateway:
    return launch(GATEWAY_BURST="100000", GATEWAY_PER_SECOND="100000")


def environment_of(ports: Ports, upstream: int, folder: Path, **changed: str) -> dict[str, str]:
    return {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(ports.gateway),
        "GATEWAY_ADMIN_PORT": str(ports.gateway_admin),
        "GATEWAY_ORIGIN": ORIGIN,
        "GATEWAY_FILE": str(REPOSITORY / "gateway" / "gateway.yaml"),
        "GATEWAY_RENDERED": str(folder / "gateway.yaml"),
        **{f"GATEWAY_{name.upper().replace('-', '_')}": f"127.0.0.1:{upstream}" for name in UPSTREAMS},
        **changed,
    }


def problem(response: httpx.Response, status: int) -> str:
    """Check that a response is a problem (RFC 9457) and return the last part of its type."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["title"].endswith(".")
    assert body["requestId"] or status == 400
    assert {"detail", "instance", "errors", "traceId"} <= body.keys()
    return str(body["type"]).removeprefix("urn:rathaus:problem:")


def test_envoy_accepts_the_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rathaus.gateway", "--validate"]
    ran = subprocess.run(
        command, env=environment_of(Ports.free(), 1, tmp_path), capture_output=True, text=True, check=False
    )
    assert "OK" in ran.stdout, ran.stderr
    assert "eprecated" not in ran.stderr


def test_a_missing_name_is_told() -> None:
    with pytest.raises(KeyError, match="IDENTITY"):
        render("${PORT}", {"GATEWAY_PORT": "1"})


def test_paths_lead_to_services_and_all_else_to_the_portal(gateway: Gateway) -> None:
    assert httpx.get(f"{gateway.url}/api/notify/v1/{ARS}/messages").json()["path"] == f"/api/notify/v1/{ARS}/messages"
    assert httpx.get(f"{gateway.url}/tangerhuette/").json()["path"] == "/tangerhuette/"
    assert problem(httpx.get(f"{gateway.url}/api/unknown"), 404) == "not-found"


def test_a_valid_token_passes_and_is_handed_on(gateway: Gateway) -> None:
    seen = httpx.get(gateway.url + PRIVATE, headers=gateway.bearer()).json()["headers"]
    assert seen["authorization"].startswith("Bearer ")
    cookie = {"cookie": f"__Host-session={gateway.token()}"}
    assert "__Host-session=" in httpx.get(gateway.url + PRIVATE, headers=cookie).json()["headers"]["cookie"]


def test_no_token_passes_because_services_decide(gateway: Gateway) -> None:
    assert httpx.get(gateway.url + PRIVATE).status_code == 200


@pytest.mark.parametrize("changed", [{"exp": 1}, {"iss": "urn:somebody"}, {"aud": "elsewhere"}, {"nbf": 9999999999}])
def test_a_token_that_is_there_must_be_valid(gateway: Gateway, changed: dict[str, object]) -> None:
    response = httpx.get(gateway.url + PRIVATE, headers=gateway.bearer(**changed))
    assert response.status_code in (401, 403)
    assert problem(response, response.status_code) in ("not-signed-in", "not-allowed")


def test_a_token_of_another_key_is_refused(gateway: Gateway) -> None:
    forged = Gateway(gateway.url, gateway.log, ECKey.generate_key("P-256"))
    assert problem(httpx.get(gateway.url + PRIVATE, headers=forged.bearer()), 401) == "not-signed-in"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/api/identity/v1/{ARS}/accounts"),
        ("POST", f"/api/identity/v1/{ARS}/accounts/x/verification"),
        ("POST", f"/api/identity/v1/{ARS}/sessions"),
        ("POST", f"/api/identity/v1/{ARS}/sessions/refresh"),
        ("GET", f"/api/forms/v1/{ARS}/services"),
        ("GET", f"/api/forms/v1/{ARS}/services/youth-medical-exam"),
        ("GET", f"/api/appointments/v1/{ARS}/offices"),
        ("GET", f"/api/appointments/v1/{ARS}/offices/x/slots?from=2026-12-01&days=3"),
        ("GET", "/tangerhuette/"),
    ],
)
def test_a_cookie_that_has_run_out_does_not_stand_in_the_way(gateway: Gateway, method: str, path: str) -> None:
    headers = {"cookie": f"__Host-session={gateway.token(exp=1)}", "origin": ORIGIN}
    assert httpx.request(method, gateway.url + path, headers=headers).status_code == 200


def test_a_cookie_that_has_run_out_lists_no_sessions(gateway: Gateway) -> None:
    headers = {"cookie": f"__Host-session={gateway.token(exp=1)}"}
    assert problem(httpx.get(f"{gateway.url}/api/identity/v1/{ARS}/sessions", headers=headers), 401) == "not-signed-in"


def test_a_client_cannot_steer_the_gateway(gateway: Gateway) -> None:
    steering = {"x-envoy-upstream-rq-timeout-ms": "1", "x-envoy-retry-on": "5xx", "x-envoy-internal": "true"}
    seen = httpx.get(gateway.url + PRIVATE, headers=steering).json()["headers"]
    assert not steering.keys() & seen.keys()


def test_a_client_cannot_speak_for_another_by_a_header(gateway: Gateway) -> None:
    spoofed = {"x-account-id": "b", "x-assurance-level": "hoch", "x-tenant": ARS, "x-roles": "clerk"}
    seen = httpx.get(gateway.url + PRIVATE, headers={**spoofed, **gateway.bearer()}).json()["headers"]
    assert not spoofed.keys() & seen.keys()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"cookie": "__Host-refresh=x"}, False),
        ({"cookie": "__Host-refresh=x", "origin": ORIGIN}, True),
        ({"cookie": "__Host-refresh=x", "origin": "https://elsewhere.example"}, False),
        ({"cookie": "__Host-refresh=x", "origin": "null"}, False),
        ({"origin": "https://elsewhere.example"}, False),
        ({"origin": f"{ORIGIN}.elsewhere.example"}, False),
        ({"cookie": "theme=dark"}, True),
    ],
)
def test_a_foreign_page_changes_nothing(gateway: Gateway, method: str, headers: dict[str, str], passes: bool) -> None:
    response = httpx.request(method, gateway.url + PRIVATE, headers=headers)
    assert response.status_code == 200 if passes else problem(response, 403) == "not-allowed"


def test_a_body_is_bounded_and_an_attachment_may_be_larger(gateway: Gateway) -> None:
    large = b"x" * 2 * 1024 * 1024
    assert problem(httpx.post(gateway.url + PRIVATE, content=large), 413) == "too-large"
    assert httpx.post(f"{gateway.url}{PRIVATE}/1/attachments?field=a", content=large).json()["size"] == len(large)
    assert problem(httpx.post(f"{gateway.url}{PRIVATE}/1/attachments", content=large * 6), 413) == "too-large"


def test_tricks_with_the_path_are_refused(gateway: Gateway) -> None:
    assert problem(httpx.get(f"{gateway.url}/api/forms%2fv1"), 400) == "malformed-request"
    assert httpx.get(f"{gateway.url}/x/../api/forms/v1//{ARS}").json()["path"] == f"/api/forms/v1/{ARS}"


def test_headers_with_underscores_are_refused(gateway: Gateway) -> None:
    assert httpx.get(gateway.url + PRIVATE, headers={"x_account_id": "b"}).status_code == 400


def test_a_status_stream_arrives_event_by_event(gateway: Gateway) -> None:
    with httpx.stream("GET", f"{gateway.url}{PRIVATE}/1/events") as response:
        began = time.monotonic()
        arrived = [time.monotonic() - began for _ in response.iter_text()]
    assert len(arrived) == 2
    assert arrived[0] < 1 < arrived[1]


def test_the_trace_of_a_request_goes_on_and_is_in_the_log_without_query(gateway: Gateway) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    seen = httpx.get(f"{gateway.url}{PRIVATE}?name=Mia", headers=headers).json()["headers"]
    assert seen["traceparent"].split("-")[1] == trace
    assert seen["traceparent"].split("-")[2] != "00f067aa0ba902b7"
    started = httpx.get(gateway.url + PRIVATE).json()["headers"]["traceparent"]
    assert started.split("-")[3] == "01"
    until = time.monotonic() + 15
    while trace not in gateway.log.read_text():
        assert time.monotonic() < until
        time.sleep(0.1)
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines() if trace in line]
    assert [line["path"] for line in lines] == [PRIVATE]
    assert "Mia" not in gateway.log.read_text()


def test_every_answer_carries_headers_that_protect_browsers(gateway: Gateway) -> None:
    for path in ("/tangerhuette/", PRIVATE, "/api/unknown"):
        headers = httpx.get(gateway.url + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "referrer-policy" in headers
        assert not {"server", "x-envoy-upstream-service-time", "x-envoy-decorator-operation"} & headers.keys()


def test_too_many_requests_of_one_address_wait(launch: Open) -> None:
    gateway = launch(GATEWAY_BURST="20", GATEWAY_PER_SECOND="1")
    with httpx.Client() as client:
        answered = [client.get(gateway.url + PRIVATE) for _ in range(40)]
    assert {200, 429} == {response.status_code for response in answered}
    assert problem(answered[-1], 429) == "too-many-requests"
    assert answered[-1].headers["retry-after"] == "1"


def test_a_service_that_is_away_is_a_problem_with_a_time_to_come_back(launch: Open) -> None:
    gateway = launch(GATEWAY_FORMS=f"127.0.0.1:{Ports.free().forms}")
    response = httpx.get(gateway.url + PRIVATE, timeout=10)
    assert problem(response, 503) == "unavailable"
    assert response.headers["retry-after"] == "2"


@pytest.mark.proves("F35")
async def test_a_service_that_stands_still_holds_no_more_than_its_part_of_the_gateway(launch: Open) -> None:
    gateway = launch(GATEWAY_REQUESTS="8")
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        late = [asyncio.create_task(client.get(f"{PRIVATE}/1/late")) for _ in range(24)]
        refused, _ = await asyncio.wait(late, timeout=2.5)
        elsewhere = await client.get(f"/api/notify/v1/{ARS}/messages")
        answers = await asyncio.gather(*late)
    assert elsewhere.status_code == 200
    assert len(refused) == len([answer for answer in answers if answer.status_code == 503])
    assert len(refused) >= 24 - 2 * 8
    for answer in [await task for task in refused]:
        assert problem(answer, 503) == "unavailable"
        assert answer.headers["retry-after"] == "2"
