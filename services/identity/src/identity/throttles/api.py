"""How a throttled request is answered."""

from collections.abc import Iterator
from contextlib import contextmanager

from chassis.problems import PROBLEMS, Refused
from identity.throttles.domain import Throttled


@contextmanager
def throttled() -> Iterator[None]:
    """Answer 429 with Retry-After where a try comes too early (RFC 6585, 4)."""
    try:
        yield
    except Throttled as refused:
        raise Refused(PROBLEMS[429], str(refused), headers={"Retry-After": str(refused.retry_after)}) from None
