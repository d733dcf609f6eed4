import asyncio
import hmac
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from identity.links.client import Landeskonto, LandeskontoUnavailable, RedemptionFailed, Secrets
from identity.links.domain import ProofRefused

SECRETS = Secrets("state", "nonce", "v" * 43)
RETURN = "https://rathaus.example.org/tangerhuette/landeskonto"


@pytest.fixture
async def landeskonto(issuer: Any) -> AsyncIterator[Landeskonto]:
    issuer.asked = {"nonce": "nonce"}
    transport = httpx.MockTransport(issuer.handle)
    async with Landeskonto("https://konto.example.org", "rathaus", "secret", transport) as found:
        await found.ready()
        yield found


async def redeem(landeskonto: Landeskonto, issuer: Any) -> Any:
    return await landeskonto.redeem("code-1", RETURN, SECRETS, "hoch", issuer.clock.now())


async def test_a_signed_id_token_is_a_proof(landeskonto: Landeskonto, issuer: Any) -> None:
    proof = await redeem(landeskonto, issuer)
    assert (proof.issuer, proof.subject, proof.level) == ("https://konto.example.org", "bpk-1", "hoch")
    sent = {name: values[0] for name, values in issuer.redeemed[0].items()}
    assert (sent["code"], sent["redirect_uri"], sent["code_verifier"]) == ("code-1", RETURN, SECRETS.verifier)


def forged(issuer: Any, header: dict[str, Any], key: Any, algorithm: str) -> str:
    now = int(issuer.clock.now().timestamp())
    claims = {
        "iss": "https://konto.example.org",
        "aud": "rathaus",
        "sub": "bpk-1",
        "nonce": "nonce",
        "acr": "hoch",
        "auth_time": now,
        "iat": now,
        "exp": now + 300,
    }
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def signed_with_public_key(issuer: Any, payload: str) -> str:
    header = urlsafe_b64encode(b'{"alg":"HS256","kid":"k-1"}').rstrip(b"=").decode()
    mac = hmac.digest(issuer.key.as_pem(private=False), f"{header}.{payload}".encode(), "sha256")
    return f"{header}.{payload}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


async def test_forged_signatures_are_refused(landeskonto: Landeskonto, issuer: Any) -> None:
    own = ECKey.generate_key("P-256", {"kid": "k-1"})
    rsa = RSAKey.generate_key(2048, {"kid": "k-1"})
    good = forged(issuer, {"alg": "ES256", "kid": "k-1"}, issuer.key, "ES256")
    header, payload, signature = good.split(".")
    tokens = {
        "another key": forged(issuer, {"alg": "ES256", "kid": "k-1"}, own, "ES256"),
        "a key that nobody knows": forged(issuer, {"alg": "ES256", "kid": "k-9"}, own, "ES256"),
        "no key id": forged(issuer, {"alg": "ES256"}, own, "ES256"),
        "another kind of key": forged(issuer, {"alg": "RS256", "kid": "k-1"}, rsa, "RS256"),
        "the public key as a secret": signed_with_public_key(issuer, payload),
        "no signature": "eyJhbGciOiJub25lIiwia2lkIjoiay0xIn0." + payload + ".",
        "its own key": forged(issuer, {"alg": "ES256", "kid": "k-1", "jwk": own.as_dict(private=False)}, own, "ES256"),
        "a foreign key beside a good signature": forged(
            issuer, {"alg": "ES256", "kid": "k-1", "jku": "https://evil.example.org/jwks"}, issuer.key, "ES256"
        ),
        "an access token": forged(issuer, {"alg": "ES256", "kid": "k-1", "typ": "at+jwt"}, issuer.key, "ES256"),
        "changed": f"{header}.{payload[:-2]}AA.{signature}",
        "no token": "no token",
        "empty": "..",
    }
    for issuer.token in tokens.values():
        with pytest.raises(ProofRefused):
            await redeem(landeskonto, issuer)
    issuer.token = good
    assert (await redeem(landeskonto, issuer)).subject == "bpk-1"


async def test_a_new_key_of_the_landeskonto_is_looked_up(
    landeskonto: Landeskonto, issuer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.key = ECKey.generate_key("P-256", {"kid": "k-2", "alg": "ES256", "use": "sig"})
    with pytest.raises(ProofRefused, match="Schlüssel"):
        await redeem(landeskonto, issuer)
    monkeypatch.setattr("identity.links.client._RELOAD", 0.0)
    assert (await redeem(landeskonto, issuer)).subject == "bpk-1"


async def test_an_answer_that_does_not_end_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte, each in time for the client's own limits."""

    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.01)

    monkeypatch.setattr("identity.links.client.SECONDS", 0.1)
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Trickle()))
    async with Landeskonto("https://konto.example.org", "rathaus", "secret", transport) as landeskonto:
        with pytest.raises(LandeskontoUnavailable, match="TimeoutError"):
            await asyncio.wait_for(landeskonto.ready(), 10)


async def test_answers_without_an_id_token_prove_nothing(landeskonto: Landeskonto, issuer: Any) -> None:
    issuer.refuse = True
    with pytest.raises(RedemptionFailed):
        await redeem(landeskonto, issuer)
    issuer.down = True
    with pytest.raises(RedemptionFailed):
        await redeem(landeskonto, issuer)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example.org"},
        {"code_challenge_methods_supported": ["plain"]},
        {"jwks_uri": "https://konto.example.org/nothing"},
        {"jwks_uri": "https://konto.example.org/.well-known/openid-configuration"},
    ],
)
async def test_metadata_that_cannot_be_trusted_are_not_used(issuer: Any, metadata: dict[str, Any]) -> None:
    issuer.metadata = metadata
    transport = httpx.MockTransport(issuer.handle)
    async with Landeskonto("https://konto.example.org", "rathaus", "secret", transport) as landeskonto:
        with pytest.raises(LandeskontoUnavailable):
            await landeskonto.authorization_url(RETURN, SECRETS, "hoch")
