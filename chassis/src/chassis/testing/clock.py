"""A clock that stands until the test moves it."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


class FixedClock:
    """Stands at ``at`` (UTC)."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return where it stands."""
        return self.at

    def advance(self, by: timedelta | float) -> None:
        """Move it, by seconds or a timedelta."""
        self.at += by if isinstance(by, timedelta) else timedelta(seconds=by)
