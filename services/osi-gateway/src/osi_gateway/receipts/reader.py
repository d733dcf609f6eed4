"""Reads an event log: every token is verified completely before a word of it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from osi_gateway.exchange import jose
from osi_gateway.exchange.client import Exchange
from osi_gateway.exchange.domain import Refused
from osi_gateway.receipts.domain import Expected, Receipt, Token, Unverifiable, read


@dataclass(frozen=True)
class Log:
    """What an event log says."""

    receipts: tuple[Receipt, ...]
    doubts: tuple[str, ...]
    """Why tokens were left aside, one line for each."""


class LogReader:
    """Reads the log of one submission's case."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def read(self, expected: Expected, known: frozenset[str]) -> Log:
        """Fetch and verify the log; tokens whose ``jti`` is known have been verified before.

        Raises:
            Refused: the exchange does not show us the log.
            Transient: the exchange is not available now.
        """
        return await self._verified(await self._exchange.events(expected.case_id), expected, known)

    async def _verified(self, tokens: Sequence[str], expected: Expected, known: frozenset[str]) -> Log:
        receipts, doubts = [], []
        for token in tokens:
            try:
                read_token = await self._verify(token, expected, known)
            except (Unverifiable, jose.Unreadable, Refused) as error:
                doubts.append(f"event {sha256(token.encode()).hexdigest()[:16]}: {error}")
            else:
                if read_token is not None:
                    receipts.append(_receipt(read_token, token))
        return Log(tuple(receipts), tuple(doubts))

    async def _verify(self, token: str, expected: Expected, known: frozenset[str]) -> Token | None:
        header, claims = jose.peek(token)
        found = read(header, claims, expected)
        if found.jti in known:
            return None
        if found.signer == "exchange":
            key = await self._exchange.exchange_key(found.kid)
        else:
            key = await self._exchange.authority_key(expected.destination_id, found.kid)
        jose.verify(token, key)
        return found


def _receipt(found: Token, token: str) -> Receipt:
    return Receipt(
        jti=found.jti,
        kind=found.event.removesuffix("-submission"),
        issued_at=found.issued_at,
        token=token,
        tags=found.tags,
        problems=found.problems,
    )
