"""The three kinds of errors: what a domain refuses (defined there), what may work later, everything else is a bug."""


class Transient(Exception):
    """Something outside is not available now; the same call may succeed after ``retry_after`` seconds.

    Handlers are tried again a bounded number of times; HTTP answers 503 with Retry-After.
    """

    def __init__(self, reason: str, *, retry_after: float = 1.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


def told(error: Exception) -> str:
    """Return what a log may say of an error: our own words, but of a bug its kind alone.

    The text of a bug may quote what somebody typed.
    """
    return str(error) if isinstance(error, Transient) else type(error).__name__


class NotFound(Exception):
    """The thing does not exist, or not for this caller: both look the same from outside (HTTP 404)."""
