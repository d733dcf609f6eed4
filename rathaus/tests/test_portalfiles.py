"""The portal's files: which path gives which file, under which policy."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from rathaus.portalfiles import create_app


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    files, towns = tmp_path / "dist", tmp_path / "towns"
    (files / "assets").mkdir(parents=True)
    towns.mkdir()
    (files / "index.html").write_text("<!doctype html>portal")
    (files / "assets" / "index-ab12.js").write_text("let a = 1;" * 500)
    (files / "manifest.webmanifest").write_text("{}")
    (tmp_path / "secret.txt").write_text("secret")
    (towns / "150900546546.yaml").write_text("slug: tangerhuette\n")
    (towns / "150909999000.yaml").write_text("slug: musterland\n")
    transport = httpx.ASGITransport(create_app(files, towns))
    async with httpx.AsyncClient(transport=transport, base_url="http://portal") as made:
        yield made


async def test_the_start_lets_choose_between_several_municipalities(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).text == "<!doctype html>portal"


async def test_the_start_leads_to_the_only_municipality(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "towns" / "150909999000.yaml").unlink()
    assert (await client.get("/")).headers["location"] == "/tangerhuette/"


async def test_the_portal_learns_of_municipalities_what_it_shows(client: httpx.AsyncClient, tmp_path: Path) -> None:
    town = 'ars: "150900000001"\nslug: neustadt\nname: Neustadt\nmembers: []\noffices: [{capacity: 2}]\n'
    (tmp_path / "towns" / "150900000001.yaml").write_text(town)
    response = await client.get("/municipalities.json")
    assert [one["slug"] for one in response.json()] == ["neustadt", "tangerhuette", "musterland"]
    assert response.json()[0] == {
        "ars": "150900000001",
        "slug": "neustadt",
        "name": "Neustadt",
        "kind": None,
        "members": [],
        "contact": None,
    }
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/tangerhuette/", "/musterland/antraege/1/anhang", "/musterland"])
async def test_every_path_of_a_municipality_is_the_application(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.text == "<!doctype html>portal"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/elsewhere/", "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/none.js"])
async def test_other_paths_are_not_found(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert "secret" not in response.text


async def test_assets_are_kept_for_good_and_compressed(client: httpx.AsyncClient) -> None:
    response = await client.get("/assets/index-ab12.js")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/tangerhuette/", "/assets/index-ab12.js", "/manifest.webmanifest"])
async def test_nothing_runs_that_does_not_come_from_here(client: httpx.AsyncClient, path: str) -> None:
    policy = (await client.get(path)).headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy


async def test_a_new_municipality_is_there_without_restart(client: httpx.AsyncClient, tmp_path: Path) -> None:
    assert (await client.get("/neustadt/")).status_code == 404
    (tmp_path / "towns" / "150900000001.yaml").write_text("slug: neustadt\n")
    assert (await client.get("/neustadt/")).status_code == 200
