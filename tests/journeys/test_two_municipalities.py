"""Two towns do the same work on one installation: every document and every event says whose it is."""

import asyncio
from collections import defaultdict
from contextlib import closing

import pytest
from evidence import aggregates, read_documents

from contracts.envelope import INSTALLATION, Envelope, envelope_of
from contracts.topics import TOPICS
from rathaus.citizen import MUSTERLAND, TANGERHUETTE, Citizen
from rathaus.deadletters.kafka_log import KafkaLog
from rathaus.stack import Stack
from rathaus.stack.kafka_contents import MECHANISM

POSTAL_CODES = {TANGERHUETTE: "39517", MUSTERLAND: "39998"}


async def does_all(town_hall: Stack, tenant: str) -> None:
    async with Citizen(town_hall, tenant=tenant) as citizen:
        await citizen.register()
        await citizen.verify()
        await citizen.sign_in()
        await citizen.link()
        answers = {**await citizen.sample_answers(), "postal_code": POSTAL_CODES[tenant]}
        application = await citizen.apply(answers, with_file=True)
        assert (await citizen.follow(application))[-1] == "accepted"
        await citizen.reserve_any()
        await citizen.mail(lambda found: "angekommen" in found["subject"])
        await citizen.mail(lambda found: found["subject"].startswith("Ihr Termin"))


def envelopes(stack: Stack) -> list[Envelope]:
    with closing(KafkaLog(stack.kafka_servers, stack.kafka_password(), MECHANISM)) as log:
        return [
            envelope_of(
                entry.headers,
                topic=name,
                partition=entry.partition,
                offset=entry.offset,
                key=(entry.key or b"").decode(),
            )
            for name in TOPICS
            for entry in log.read(name)
        ]


@pytest.mark.stack
@pytest.mark.timeout(240)
@pytest.mark.proves("PL-11")
async def test_every_document_and_every_event_carries_its_municipality(town_hall: Stack) -> None:
    await asyncio.gather(*(does_all(town_hall, tenant) for tenant in POSTAL_CODES))
    documents = await asyncio.to_thread(read_documents, town_hall)
    owners: dict[str, set[str]] = defaultdict(set)
    towns: dict[str, set[str]] = defaultdict(set)
    for name, document in aggregates(documents):
        owners[document["_id"]].add(document["tenant"])
        towns[name].add(document["tenant"])
    assert {id: names for id, names in owners.items() if len(names) > 1} == {}
    assert set().union(*owners.values()) == {TANGERHUETTE, MUSTERLAND, INSTALLATION}
    for_all = {name for name, found in towns.items() if found == {INSTALLATION}}
    assert all(name.endswith("keys") for name in for_all), for_all
    assert {name: found for name, found in towns.items() if name not in for_all and found != set(POSTAL_CODES)} == {}
    told = await asyncio.to_thread(envelopes, town_hall)
    foreign = [event for event in told if owners.get(event.subject, {event.tenant}) != {event.tenant}]
    assert foreign == []
    assert {event.tenant for event in told if event.subject in owners} == {TANGERHUETTE, MUSTERLAND, INSTALLATION}
