"""What the way of a request through our edge costs: sign-in, checks, headers, models.

Counted is the processor time of the server's process, so that neither the load nor the neighbours are measured.
"""

import itertools
from collections.abc import Sequence
from typing import Final

from joserfc.jwk import ECKey

from frame.figures import Figure, Measured, Pace, Side, in_turn
from frame.http_load import Request, answers
from frame.results import main
from frame.served import PATH, cpu_seconds, served, token

CONNECTIONS: Final = 32
_CITIZENS: Final = 200
FIGURES: Final = (
    Figure(
        "P13",
        "signed-in reads for each CPU second of the server",
        "/s",
        goal=0.25,
        floor=0.12,
        beside="raw ASGI app with the same bytes on the same server",
        bound="FastAPI: solving the route's dependencies takes 58 % of the time, the sign-in itself a sixth of that;"
        " no dependency of ours takes a thread. A bare route of FastAPI with a model reaches 0.18 to 0.24.",
    ),
)


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    key = ECKey.generate_key("P-256")
    signed = [Request("GET", PATH, {"authorization": f"Bearer {token(key, f'account-{n}')}"}) for n in range(_CITIZENS)]
    turns = itertools.cycle([request.encode() for request in signed])

    def side(port: int) -> Side:
        async def run() -> float:
            before = await cpu_seconds(port)
            done = await answers(port, lambda: next(turns), seconds=pace.seconds, connections=CONNECTIONS)
            return done / (await cpu_seconds(port) - before)

        return run

    async with served("ours", key) as ours, served("raw", key) as raw:
        read, limit = await in_turn(pace.runs, side(ours), side(raw))
    return [Measured(FIGURES[0], read, limit)]


if __name__ == "__main__":
    main(__file__, measure)
