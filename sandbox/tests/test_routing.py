"""The routing service: destinations by service and region, signed; areas by name."""

import json
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from sandbox.exchange.destinations import MUSTERLAND, TANGERHUETTE

LEIKA = "99068007040000"


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("ars=150900546546", [TANGERHUETTE.id]),
        ("ags=15090546", [TANGERHUETTE.id]),
        ("areaId=150900546546", [TANGERHUETTE.id]),
        ("ars=150909999000", [MUSTERLAND.id]),
        ("ars=150909999", [MUSTERLAND.id]),
        ("ars=150909999001", [MUSTERLAND.id]),
        ("ags=15090002", [MUSTERLAND.id]),
        ("areaId=150909999", [MUSTERLAND.id]),
        ("ars=15090", []),
        ("ars=150830000000", []),
        ("ags=15083001", []),
        ("areaId=7", []),
    ],
)
async def test_who_is_responsible(http: httpx.AsyncClient, region: str, expected: list[str]) -> None:
    body = (await http.get(f"/routing/v2/routes?leikaKey={LEIKA}&{region}")).raise_for_status().json()
    assert [one["destinationId"] for one in body["routes"]] == expected
    assert (body["count"], body["offset"], body["totalCount"]) == (len(expected), 0, len(expected))


async def test_a_service_without_destination_is_an_empty_list(http: httpx.AsyncClient) -> None:
    answer = await http.get("/routing/v2/routes?leikaKey=99102013104000&ars=150900546546")
    assert (answer.status_code, answer.json()["routes"]) == (200, [])


async def test_an_inactive_destination_is_not_found(http: httpx.AsyncClient) -> None:
    await http.patch(f"/admin/destinations/{TANGERHUETTE.id}", json={"status": "inactive"})
    answer = await http.get(f"/routing/v2/routes?leikaKey={LEIKA}&ars=150900546546")
    assert answer.json()["routes"] == []


async def test_the_signature_covers_service_region_and_exchange(http: httpx.AsyncClient) -> None:
    route = (await http.get(f"/routing/v2/routes?leikaKey={LEIKA}&ars=150909999001")).json()["routes"][0]
    keys: Any = (await http.get("/routing/.well-known/jwks.json")).json()
    found = jws.deserialize_compact(route["destinationSignature"], KeySet.import_key_set(keys), algorithms=["PS512"])
    claims = json.loads(found.payload)
    assert claims["destinationId"] == route["destinationId"] == MUSTERLAND.id
    assert claims["submissionHost"] == "127.0.0.1:9"
    assert claims["services"] == [
        {
            "gebietIDs": ["urn:de:bund:destatis:bevoelkerungsstatistik:schluessel:rs:150909999"],
            "leistungIDs": [f"urn:de:fim:leika:leistung:{LEIKA}"],
        }
    ]
    assert {"iss", "iat", "jti"} <= set(claims)


@pytest.mark.parametrize(
    "query",
    [
        "ars=150900546546",
        "leikaKey=1&ars=15",
        f"leikaKey={LEIKA}",
        f"leikaKey={LEIKA}&ars=15&ags=15",
        f"leikaKey={LEIKA}&ars=1509",
        f"leikaKey={LEIKA}&ags=1509005465",
        f"leikaKey={LEIKA}&areaId=x",
        f"leikaKey={LEIKA}&ars=15&limit=501",
        f"leikaKey={LEIKA}&ars=15&offset=-1",
        f"leikaKey={LEIKA}&ars=15&offset=x",
    ],
)
async def test_a_question_that_is_not_understood(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.get(f"/routing/v2/routes?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("areaSearchexpression=39517", ["Tangerhütte"]),
        ("areaSearchexpression=tanger*", ["Tangerhütte"]),
        ("areaSearchexpression=*dorf*&areaSearchexpression=39998", ["Musterdorf (erfunden)"]),
        ("areaSearchexpression=tanger", []),
        ("areaSearchexpression=.*", []),
    ],
)
async def test_areas(http: httpx.AsyncClient, query: str, names: list[str]) -> None:
    body = (await http.get(f"/routing/v2/areas?{query}")).json()
    assert [one["name"] for one in body["areas"]] == names


async def test_areas_need_an_expression(http: httpx.AsyncClient) -> None:
    for query in ("", "?areaSearchexpression=", "?" + "&".join(["areaSearchexpression=a"] * 11)):
        assert (await http.get(f"/routing/v2/areas{query}")).status_code == 400


async def test_info(http: httpx.AsyncClient) -> None:
    assert (await http.get("/routing/v2/info")).json() == {"version": {"major": 2, "minor": 0, "patch": 0}}
