"""The two events of one application, as the gateway keeps them: who, which, where; and the sealed answers."""

from dataclasses import dataclass
from datetime import datetime


class TwoFacts(Exception):
    """The public and the sealed event of an application speak of different submissions."""


@dataclass(frozen=True)
class Request:
    """What the public event says."""

    fact_id: str
    account_id: str
    service: str
    leika_key: str
    region: str
    level: str
    reference: str
    submitted_at: datetime


@dataclass(frozen=True)
class File:
    """Claim ticket of an attachment in the blob store."""

    attachment_id: str
    blob: str
    sha512: str
    size: int
    media_type: str


@dataclass(frozen=True)
class Package:
    """What the restricted event says: the sealed answers and the claim tickets."""

    fact_id: str
    account_id: str
    sealed: str
    files: tuple[File, ...] = ()


def check_same_fact(request: Request, package: Package) -> None:
    """Make sure that both speak of one submission.

    Raises:
        TwoFacts: they don't.
    """
    if (request.fact_id, request.account_id) != (package.fact_id, package.account_id):
        raise TwoFacts(f"{request.fact_id} and {package.fact_id} are two submissions")
