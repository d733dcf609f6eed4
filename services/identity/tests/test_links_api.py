import asyncio
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from chassis.auth import TokenKeys, check_token
from contracts.identity import AccountLinked
from identity.links.linking import Linking


async def begun(town: Any, issuer: Any, token: str) -> tuple[str, dict[str, str]]:
    answer = await town.begin_link(token)
    assert answer.status_code == 201, answer.text
    return answer.json()["link_id"], issuer.visit(answer.json()["authorization_url"])


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_account_and_landeskonto_are_linked_at_the_asked_level(town: Any, issuer: Any) -> None:
    account = await town.citizen()
    session = await town.sign_in()
    link, brought = await begun(town, issuer, session["access_token"])
    assert {name: issuer.asked[name] for name in ("response_type", "client_id", "redirect_uri", "scope")} == {
        "response_type": "code",
        "client_id": "rathaus",
        "redirect_uri": "https://rathaus.example.org/tangerhuette/landeskonto",
        "scope": "openid",
    }
    assert {name: issuer.asked[name] for name in ("acr_values", "prompt", "max_age", "code_challenge_method")} == {
        "acr_values": "STORK-QAA-Level-4",
        "prompt": "login",
        "max_age": "0",
        "code_challenge_method": "S256",
    }
    answer = await town.complete_link(session["access_token"], link, brought)
    assert answer.status_code == 200, answer.text
    linked = answer.json()
    assert (linked["session_id"], linked["level"], linked["linked"]) == (session["session_id"], "hoch", True)
    caller = await check_token(linked["access_token"], town.app.state.provided.get(TokenKeys), town.clock.now())
    assert (caller.level, caller.linked, caller.account) == ("hoch", True, account)
    own = (await town.call("GET", "account", token=linked["access_token"])).json()
    assert (own["level"], own["linked"], own["linked_at"]) == ("hoch", True, "2026-11-25T09:00:00Z")
    facts = [one for one in await town.events("identity.accounts") if isinstance(one, AccountLinked)]
    assert [(one.account_id, one.level) for one in facts] == [(account, "hoch")]
    redeemed = issuer.redeemed[0]
    challenge = urlsafe_b64encode(sha256(redeemed["code_verifier"][0].encode()).digest()).rstrip(b"=").decode()
    assert challenge == issuer.asked["code_challenge"]


async def test_a_later_sign_in_by_password_is_linked_and_basis(town: Any, issuer: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    await town.complete_link(session["access_token"], *await begun(town, issuer, session["access_token"]))
    again = await town.sign_in()
    assert (again["level"], again["linked"]) == ("basis", True)


async def test_a_link_needs_the_password_again(town: Any, issuer: Any) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    answer = await town.begin_link(token, "Falsche Parole")
    assert problem(answer) == (422, "password-wrong")
    assert answer.json()["errors"][0]["pointer"] == "/password"
    statuses = [(await town.begin_link(token, "Falsche Parole")).status_code for _ in range(7)]
    assert statuses == [422] * 5 + [429] * 2


async def test_all_other_sessions_end_with_the_link(town: Any, issuer: Any) -> None:
    await town.citizen()
    other, session = await town.sign_in(), await town.sign_in()
    answer = await town.complete_link(session["access_token"], *await begun(town, issuer, session["access_token"]))
    assert answer.status_code == 200
    assert problem(await town.call("GET", "account", token=other["access_token"])) == (401, "session-ended")
    assert problem(await town.refresh(other["refresh_token"])) == (401, "session-ended")
    ends = [(one.session_id, one.reason) for one in await town.events("identity.sessions")]
    assert ends == [(other["session_id"], "revoked")]
    assert (await town.refresh(answer.json()["refresh_token"])).json()["level"] == "hoch"


async def test_the_token_from_before_the_link_does_not_reach_its_level(town: Any, issuer: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    await town.complete_link(session["access_token"], *await begun(town, issuer, session["access_token"]))
    assert problem(await town.refresh(session["refresh_token"])) == (401, "refresh-refused")


async def test_a_repeat_of_the_beginning_is_the_same_attempt(town: Any, issuer: Any) -> None:
    await town.citizen()
    token, headers = (await town.sign_in())["access_token"], town.key()
    first, again = [await town.begin_link(token, headers=headers) for _ in range(2)]
    assert first.json() == again.json()


async def test_a_lost_answer_is_given_again_and_links_once(town: Any, issuer: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    link, brought = await begun(town, issuer, session["access_token"])
    first = await town.complete_link(session["access_token"], link, brought)
    again = await town.complete_link(session["access_token"], link, brought)
    assert again.status_code == 200
    assert again.json()["refresh_token"] == first.json()["refresh_token"]
    assert len(issuer.redeemed) == 1
    assert len([one for one in await town.events("identity.accounts") if isinstance(one, AccountLinked)]) == 1


async def test_an_attempt_is_completed_once_even_at_the_same_moment(town: Any, issuer: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    link, brought = await begun(town, issuer, session["access_token"])
    answers = await asyncio.gather(*(town.complete_link(session["access_token"], link, brought) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert len(issuer.redeemed) == 1


async def test_a_crash_between_exchange_and_write_lets_one_begin_anew(
    town: Any, issuer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.citizen()
    session = await town.sign_in()
    link, brought = await begun(town, issuer, session["access_token"])

    async def crash(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Linking, "_linked", crash)
        with pytest.raises(asyncio.CancelledError):
            await town.complete_link(session["access_token"], link, brought)
    assert problem(await town.complete_link(session["access_token"], link, brought)) == (409, "link-used")
    answer = await town.complete_link(session["access_token"], *await begun(town, issuer, session["access_token"]))
    assert answer.status_code == 200


async def test_a_crash_after_the_write_leaves_no_other_session_and_the_repeat_tells_of_their_end(
    town: Any, issuer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.citizen()
    other, session = await town.sign_in(), await town.sign_in()
    link, brought = await begun(town, issuer, session["access_token"])

    async def crash(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Linking, "_end_others", crash)
        with pytest.raises(asyncio.CancelledError):
            await town.complete_link(session["access_token"], link, brought)
    assert problem(await town.call("GET", "account", token=other["access_token"])) == (401, "session-ended")
    assert problem(await town.refresh(other["refresh_token"])) == (401, "session-ended")
    assert len((await town.call("GET", "sessions", token=session["access_token"])).json()["sessions"]) == 1
    assert await town.events("identity.sessions") == []
    assert (await town.complete_link(session["access_token"], link, brought)).json()["level"] == "hoch"
    assert [one.session_id for one in await town.events("identity.sessions")] == [other["session_id"]]


async def test_one_landeskonto_belongs_to_one_account_of_a_municipality(town: Any, issuer: Any) -> None:
    for email, ars in (("mia@example.org", "150900546546"), ("ole@example.org", "150900546546")):
        await town.citizen(email, ars=ars)
    first, second = await town.sign_in(), await town.sign_in("ole@example.org")
    await town.complete_link(first["access_token"], *await begun(town, issuer, first["access_token"]))
    answer = await town.complete_link(second["access_token"], *await begun(town, issuer, second["access_token"]))
    assert problem(answer) == (409, "landeskonto-taken")
    assert (await town.call("GET", "account", token=second["access_token"])).json()["linked"] is False
    issuer.claims = {"sub": "bpk-2"}
    answer = await town.complete_link(second["access_token"], *await begun(town, issuer, second["access_token"]))
    assert answer.status_code == 200


async def test_an_account_has_one_landeskonto(town: Any, issuer: Any) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    one, other = await begun(town, issuer, token), await begun(town, issuer, token)
    issuer.visit((await town.begin_link(token)).json()["authorization_url"])
    answers = [await town.begin_link(token) for _ in range(2)]
    first, second = [(answer.json()["link_id"], issuer.visit(answer.json()["authorization_url"])) for answer in answers]
    token = (await town.complete_link(token, *second)).json()["access_token"]
    assert problem(await town.complete_link(token, *first)) == (409, "already-linked")
    assert problem(await town.begin_link(token)) == (409, "already-linked")
    assert one[0] != other[0]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({"state": "other"}, "state"), ({"state": ""}, "state"), ({"iss": "https://evil.example.org"}, "iss")],
)
async def test_a_return_that_was_not_asked_for_uses_nothing_up(
    town: Any, issuer: Any, changed: dict[str, str], expected: str
) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    link, brought = await begun(town, issuer, token)
    answer = await town.complete_link(token, link, brought | changed)
    assert problem(answer) == (422, "link-return-refused")
    assert expected in answer.json()["detail"]
    assert issuer.redeemed == []
    assert (await town.complete_link(token, link, brought)).status_code == 200


@pytest.mark.parametrize(
    ("claims", "slug"),
    [
        ({"acr": "STORK-QAA-Level-3"}, "level-too-low"),
        ({"nonce": "of another attempt"}, "link-proof-refused"),
        ({"aud": "another client"}, "link-proof-refused"),
        ({"auth_time": 1_700_000_000}, "link-proof-refused"),
    ],
)
async def test_a_proof_that_does_not_suffice_links_nothing(town: Any, issuer: Any, claims: Any, slug: str) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    issuer.claims = claims
    assert problem(await town.complete_link(token, *await begun(town, issuer, token))) == (422, slug)
    assert (await town.call("GET", "account", token=token)).json()["linked"] is False
    issuer.claims = {}
    assert (await town.complete_link(token, *await begun(town, issuer, token))).status_code == 200


async def test_a_refused_code_is_told_and_one_can_begin_anew(town: Any, issuer: Any) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    issuer.refuse = True
    assert problem(await town.complete_link(token, *await begun(town, issuer, token))) == (502, "landeskonto-failed")
    issuer.refuse = False
    assert (await town.complete_link(token, *await begun(town, issuer, token))).status_code == 200


async def test_while_the_landeskonto_is_away_one_is_told_when_to_try_again(town: Any, issuer: Any) -> None:
    await town.citizen()
    token = (await town.sign_in())["access_token"]
    issuer.down = True
    answer = await town.begin_link(token)
    assert problem(answer) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_an_attempt_ends_after_ten_minutes(town: Any, issuer: Any) -> None:
    await town.citizen()
    session = await town.sign_in()
    link, brought = await begun(town, issuer, session["access_token"])
    town.clock.advance(timedelta(minutes=10))
    token = (await town.refresh(session["refresh_token"])).json()["access_token"]
    assert problem(await town.complete_link(token, link, brought)) == (409, "link-expired")


@pytest.mark.proves("S26")
async def test_attempts_of_others_and_of_other_sessions_are_not_there(town: Any, issuer: Any) -> None:
    await town.citizen()
    await town.citizen("ole@example.org")
    await town.citizen("ida@example.org", ars="150909999000")
    mine, own_other = await town.sign_in(), await town.sign_in()
    stranger = await town.sign_in("ole@example.org")
    elsewhere = await town.sign_in("ida@example.org", ars="150909999000")
    link, brought = await begun(town, issuer, mine["access_token"])
    route = f"links/{link}/completion"
    for token in (own_other, stranger, elsewhere):
        assert (await town.complete_link(token["access_token"], link, brought)).status_code == 404
    there = await town.complete_link(elsewhere["access_token"], link, brought, ars="150909999000")
    assert there.status_code == 404
    assert (await town.call("POST", route, brought)).status_code == 401
    assert (await town.call("POST", "links", {"password": "x"}, headers=town.key())).status_code == 401
    assert issuer.redeemed == []
    assert (await town.complete_link(mine["access_token"], link, brought)).status_code == 200
