"""Who may talk to the delivery service, and what each may do."""

from dataclasses import dataclass

from sandbox.problems import Problem

SEND = "https://schema.fitko.de/fit-connect/oauth/scopes/send-submissions"
SUBSCRIBE = "https://schema.fitko.de/fit-connect/oauth/scopes/subscribe-destinations"
"""Scopes; the second's spelling is a guess by analogy."""


@dataclass(frozen=True)
class Client:
    """A registered client: either it sends, or it receives for some destinations."""

    id: str
    secret: str
    destinations: tuple[str, ...] = ()
    """Destinations it receives for; none for a sender."""

    @property
    def sends(self) -> bool:
        """Whether it is a sender."""
        return not self.destinations

    @property
    def scope(self) -> str:
        """What its tokens allow."""
        return SEND if self.sends else SUBSCRIBE

    def require_sender(self) -> None:
        """Problem 403 for a receiver."""
        if not self.sends:
            raise Problem(403, "forbidden", "Forbidden", "this client receives, it does not send")

    def require_receiver(self) -> None:
        """Problem 403 for a sender."""
        if self.sends:
            raise Problem(403, "forbidden", "Forbidden", "this client sends, it does not receive")

    def require_destination(self, destination_id: str) -> None:
        """Problem 403 unless it receives for this destination."""
        if destination_id not in self.destinations:
            raise Problem(403, "forbidden", "Forbidden", f"client is not attached to destination {destination_id}")
