"""What forms does with the gateway's keys."""

from chassis.broker import Envelope, Handler
from chassis.documents import Documents
from chassis.rebuild import ReadModel
from contracts import Event, Tombstone
from contracts.osi_gateway import SealingKeyPublished
from forms.keys.store import SealingKeys


def read_model() -> ReadModel:
    """Return how the keys are made of what the gateway tells."""

    async def prepare(documents: Documents) -> None:
        """They are found by their ids alone."""

    def of(documents: Documents) -> dict[str, dict[type[Event] | type[Tombstone], Handler]]:
        return {"osi-gateway.keys": handlers(SealingKeys(documents))}

    return ReadModel("sealing-keys", "sealing_keys", of, prepare)


def handlers(keys: SealingKeys) -> dict[type[Event] | type[Tombstone], Handler]:
    """Return the functions for ``osi-gateway.keys``. Doing one twice changes nothing."""

    async def keep_sealing_key(event: SealingKeyPublished, envelope: Envelope) -> None:
        await keys.put(event.kid, event.jwk, event.occurred_at, envelope.sequence)

    async def drop_sealing_key(event: Tombstone, envelope: Envelope) -> None:
        await keys.drop(envelope.key, envelope.sequence)

    return {SealingKeyPublished: keep_sealing_key, Tombstone: drop_sealing_key}
