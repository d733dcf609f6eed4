"""How the state's side says no: ``application/problem+json`` (RFC 7807) with ``type``, ``title`` and ``status``."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

SUBMISSION_API = "https://schema.fitko.de/fit-connect/submission-api/problems/"
ROUTING_API = "https://schema.fitko.de/fit-connect/routing-api/problems/"


class Problem(Exception):
    """An answer that refuses the request."""

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        of: str = SUBMISSION_API,
    ) -> None:
        super().__init__(f"{slug}: {detail or title}")
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"type": of + slug, "title": title, "status": status}
        if detail:
            self.body["detail"] = detail

    def response(self, instance: str) -> JSONResponse:
        """The answer; ``instance`` is the path that was asked for."""
        return JSONResponse(
            {**self.body, "instance": instance},
            self.status,
            headers=self.headers,
            media_type="application/problem+json",
        )
