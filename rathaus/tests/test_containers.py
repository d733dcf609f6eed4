"""compose.yaml and what belongs to it, held against the embedded stack: the two must not drift apart."""

import gc
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from docker.utils import parse_bytes

from chassis.settings import ServiceSettings, load
from contracts.topics import SERVICES
from rathaus import checks, containers, gateway
from rathaus.stack import REPOSITORY, Ports, Stack, kafka, testing
from rathaus.stack import containers as testcontainers
from rathaus.stack import gateway as gateway_part
from rathaus.stack import sandbox as sandbox_part
from rathaus.stack.part import Part

BIN = Path(sys.executable).parent
COMPOSE = REPOSITORY / "compose.yaml"
OTHER_THAN_EMBEDDED = {"RATHAUS_CLOCK_OFFSET_FILE", "OTEL_EXPORTER_ZIPKIN_ENDPOINT"}
"""A town hall in containers never moves its clock, and sends its spans by OTLP."""
INSTEAD = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
SAME = re.compile(
    r"RATHAUS_(KAFKA_USER|DATABASE_NAME|MAIL_FROM|.*_CLIENT_ID|.*POLL_SECONDS|SIGN_IN_.*)|OTEL_(SERVICE_NAME|BSP_.*)"
)
"""Settings whose value has nothing to do with where a process runs."""
REDIRECT = "--landeskonto-redirect-uri"

Config = dict[str, dict[str, Any]]


def compose(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "docker-compose"), "-f", str(COMPOSE), "--project-directory", str(project), "config"]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("RATHAUS", "COMPOSE"))}
    return subprocess.run([*command, *arguments], env=surroundings, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("project")
    containers.write_secrets(made / containers.FOLDER)
    return made


@pytest.fixture(scope="module")
def config(project: Path) -> Config:
    """What Compose makes of the file and the secrets."""
    found = compose(project, "--format", "json")
    assert (found.returncode, found.stderr) == (0, "")
    parsed: Config = json.loads(found.stdout)
    return parsed


@pytest.fixture
def embedded(tmp_path: Path) -> Stack:
    stack = Stack(tmp_path, Ports.free(), parts=())
    folder = stack.place.folder("municipalities")
    for file in (REPOSITORY / "municipalities").glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    return stack


# --- the file -------------------------------------------------------------------------------------------------------


def test_the_file_is_valid_without_secrets_and_without_warnings(tmp_path: Path) -> None:
    found = compose(tmp_path, "--quiet")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_file_follows_the_schema_of_compose() -> None:
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


def test_every_container_is_fenced_in(config: Config) -> None:
    for name, container in config["services"].items():
        assert container["cap_drop"] == ["ALL"], name
        assert container["security_opt"] == ["no-new-privileges:true"], name
        assert int(container["mem_limit"]) > 0, name
        assert container["restart"] == ("no" if name == "setup" else "unless-stopped"), name
        assert container.get("read_only", False) is (name != "kafka"), name
        assert "privileged" not in container, name


def test_nothing_is_published_beyond_this_machine(config: Config) -> None:
    published = {
        name: [port["host_ip"] for port in container["ports"]]
        for name, container in config["services"].items()
        if "ports" in container
    }
    assert published == {name: ["127.0.0.1"] for name in ("gateway", "sandbox", "traces", "mailbox")}


def meet(config: Config, one: str, other: str) -> bool:
    services = config["services"]
    return bool(set(services[one]["networks"]) & set(services[other]["networks"]))


def test_no_service_reaches_another(config: Config) -> None:
    assert [(one, other) for one in SERVICES for other in SERVICES if one < other and meet(config, one, other)] == []
    assert all(meet(config, "gateway", service) for service in SERVICES)


def test_database_and_broker_are_reached_by_services_alone(config: Config) -> None:
    for inner in ("database", "kafka"):
        near = {name for name in config["services"] if meet(config, inner, name)}
        assert near == {*SERVICES, "setup", "database", "kafka"}
        assert all(config["networks"][network]["internal"] for network in config["services"][inner]["networks"])


def test_services_have_no_way_out(config: Config) -> None:
    for service in SERVICES:
        assert all(config["networks"][network].get("internal") for network in config["services"][service]["networks"])


def test_everything_waits_for_what_it_needs(config: Config) -> None:
    def waits(name: str) -> dict[str, str]:
        return {other: how["condition"] for other, how in config["services"][name]["depends_on"].items()}

    assert waits("setup") == {"database": "service_healthy", "kafka": "service_healthy"}
    assert all(waits(service) == {"setup": "service_completed_successfully"} for service in SERVICES)
    assert waits("gateway") == dict.fromkeys((*SERVICES, "portal"), "service_healthy")


# --- the same as the embedded stack ---------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_told_the_same_as_in_the_embedded_stack(config: Config, embedded: Stack, service: str) -> None:
    here, there = config["services"][service]["environment"], embedded.service_environment(service)
    assert set(here) == set(there) - OTHER_THAN_EMBEDDED | INSTEAD
    same = [name for name in there if SAME.fullmatch(name)]
    assert {name: here[name] for name in same} == {name: there[name] for name in same}


@pytest.mark.parametrize("service", SERVICES)
def test_services_understand_their_settings(config: Config, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind: type[ServiceSettings] = import_module(f"{service.replace('-', '_')}.settings").Settings
    given = config["services"][service]["environment"]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load(kind)
    assert settings.database_name in settings.database_url.get_secret_value()
    ours = {name.removeprefix("RATHAUS_").lower() for name in given if name.startswith("RATHAUS_")}
    assert ours <= set(kind.model_fields)


def test_the_gateway_is_told_the_same(config: Config, embedded: Stack) -> None:
    here = config["services"]["gateway"]["environment"]
    assert set(here) == set(gateway_part.environment(embedded.place))
    rendered = yaml.safe_load(gateway.render((REPOSITORY / "gateway" / "gateway.yaml").read_text(), here))
    hosts = re.findall(r"'address': '([a-z-]+)', 'port_value'", str(rendered["static_resources"]["clusters"]))
    assert sorted(hosts) == sorted(gateway.UPSTREAMS)
    assert set(hosts) <= set(config["services"])


def options(command: list[str]) -> dict[str, list[str]]:
    words = iter(word for entry in command for word in entry.split("=", 1))
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            found.setdefault(word, []).append(next(words))
    return found


def test_the_sandbox_is_told_the_same(config: Config, embedded: Stack) -> None:
    part = sandbox_part.part(embedded.place)
    here, there = options(config["services"]["sandbox"]["command"]), options(list(part.command()))
    assert set(here) == set(there)
    assert set(config["services"]["sandbox"]["environment"]) == set(part.environment) - OTHER_THAN_EMBEDDED | INSTEAD
    redirects = [address.replace(embedded.public_url, "http://localhost:8080") for address in there[REDIRECT]]
    assert sorted(here[REDIRECT]) == sorted(redirects)


def properties(environment: Mapping[str, str]) -> dict[str, str]:
    """What the image makes of its environment: one sign ``_`` is a dot, three are a hyphen."""
    names = {name: name.removeprefix("KAFKA_").lower() for name in environment if name.startswith("KAFKA_")}
    return {names[name].replace("___", "-").replace("_", "."): environment[name] for name in names}


def test_the_broker_has_the_settings_of_the_embedded_one(config: Config) -> None:
    here = properties(config["services"]["kafka"]["environment"])
    signing_in = re.compile(r".*(listener|sasl).*")
    there = {name: value for name, value in kafka.SETTINGS.items() if not signing_in.fullmatch(name)}
    assert {name: here.get(name) for name in there} == there


def test_the_image_builds_with_what_the_embedded_stack_runs() -> None:
    whole, image = (blocks(REPOSITORY / name) for name in ("requirements.txt", "deploy/requirements.txt"))
    assert {name: block for name, block in image.items() if whole.get(name) != block} == {}
    assert not {name for name in image if name.partition("==")[0] in checks.EMBEDDED_ONLY}
    uv = re.search(r'UV = "(uv==[\d.]+)"', (REPOSITORY / "rathaus" / "bootstrap.py").read_text())
    assert uv is not None
    assert uv.group(1) in (REPOSITORY / "deploy" / "Dockerfile").read_text()


def blocks(file: Path) -> dict[str, list[str]]:
    """Packages of a lock file, each with its hashes."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in file.read_text().splitlines():
        if not line.startswith((" ", "#")):
            name = line.removesuffix(" \\").partition(" ;")[0]
            found[name] = []
        elif "--hash" in line:
            found[name].append(line.strip(" \\"))
    return found


# --- the tests' own containers ----------------------------------------------------------------------------------------


MOVED = {"KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS"}
"""Services and tests are processes of this machine, not containers of the same network."""


@pytest.fixture
def containers_of_tests(project: Path, tmp_path: Path) -> dict[str, Part]:
    shutil.copy(project / containers.FOLDER / "secrets.json", tmp_path)
    place = Stack(tmp_path, Ports.free(), parts=()).place
    return {part.name: part for part in testcontainers.parts(place)}


@pytest.mark.parametrize("name", ["database", "kafka"])
def test_tests_run_the_containers_of_the_file(config: Config, containers_of_tests: dict[str, Part], name: str) -> None:
    here, there = containers_of_tests[name], config["services"][name]
    assert isinstance(here.child, partial)
    made = here.child.keywords
    assert made["image"] == there["image"]
    # Both read the same secrets, so these agree too.
    assert {key: value for key, value in here.environment.items() if key not in MOVED} == {
        key: value for key, value in there["environment"].items() if key not in MOVED
    }
    fence = ("user", "entrypoint", "cap_drop", "security_opt", "read_only")
    assert {key: made["fence"].get(key) or None for key in fence} == {key: there.get(key) for key in fence}
    assert parse_bytes(made["fence"]["mem_limit"]) == int(there["mem_limit"])
    assert [f"{path}:{options}" for path, options in made["tmpfs"].items()] == there.get("tmpfs", [])


def test_tests_start_the_database_by_the_command_of_the_file(
    config: Config, containers_of_tests: dict[str, Part]
) -> None:
    (here,), (there,) = containers_of_tests["database"].command(), config["services"]["database"]["command"]
    assert re.sub(r" --port \d+$", "\n", here) == there.replace("$$", "$")


def test_tests_reach_kafka_by_the_doors_of_the_file(config: Config, containers_of_tests: dict[str, Part]) -> None:
    told = config["services"]["kafka"]["environment"]
    for name in MOVED:
        doors = [re.findall(r"([A-Z]+)://", text[name]) for text in (told, containers_of_tests["kafka"].environment)]
        assert doors[0] == doors[1]


def test_without_a_word_tests_run_on_the_embedded_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(testing.CHOICE, raising=False)
    assert testing.chosen(tmp_path, Ports.free()).names == Stack(tmp_path, Ports.free()).names
    monkeypatch.setenv(testing.CHOICE, "podman")
    with pytest.raises(ValueError, match="RATHAUS_TEST_STACK=podman: bekannt sind embedded und containers"):
        testing.chosen(tmp_path, Ports.free())


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # the engine's client leaves one open
def test_tests_on_containers_say_when_no_engine_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(testing.CHOICE, "containers")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(testcontainers.NoEngine, match="Keine Docker-Engine antwortet"):
        testing.chosen(tmp_path, Ports.free())
    gc.collect()


# --- secrets --------------------------------------------------------------------------------------------------------


def test_secrets_are_made_once_and_closed_to_others(project: Path) -> None:
    folder = project / containers.FOLDER
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert set(before) == {f"{name}.env" for name in (*SERVICES, "sandbox", "kafka", "database", "setup")} | {
        "secrets.json"
    }
    assert containers.main(["secrets", "--folder", str(folder)]) == 0
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_secrets_arrive_in_containers_as_they_were_made(config: Config, project: Path) -> None:
    known: dict[str, str] = json.loads((project / containers.FOLDER / "secrets.json").read_text())
    for name, values in containers.environments(known.__getitem__).items():
        environment = config["services"][name]["environment"]
        assert {key: environment[key] for key in values} == dict(values)


def test_each_container_knows_only_its_own_secrets(project: Path) -> None:
    folder = project / containers.FOLDER
    known: dict[str, str] = json.loads((folder / "secrets.json").read_text())
    for name in SERVICES:
        text = (folder / f"{name}.env").read_text()
        mine = {f"kafka.{name}", f"database.{name}", f"vault.{name}"}
        shared = {"identity": {"landeskonto"}, "osi-gateway": {"exchange"}}.get(name, set())
        assert {secret for secret, value in known.items() if value in text} == mine | shared


def test_secrets_stay_out_of_the_file_the_image_and_the_repository() -> None:
    stated = yaml.safe_load(COMPOSE.read_text())["services"]
    names = [name for container in stated.values() for name in container.get("environment", {})]
    assert [name for name in names if re.search("PASSWORD|SECRET|_KEY$|DATABASE_URL", name)] == []
    ignored = subprocess.run(
        ["git", "check-ignore", "deploy/secrets/forms.env"], cwd=REPOSITORY, capture_output=True, check=False
    )
    assert ignored.returncode == 0
    rules = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in rules
    assert not [rule for rule in rules if rule.startswith("!deploy") and rule != "!deploy/requirements.txt"]
