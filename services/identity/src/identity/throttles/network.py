"""Which network a request came from, as far as we count tries by it."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from fastapi import Request

_HOUSEHOLD = 64
"""Bits of an IPv6 address that one household or site has in common."""


def network_of(request: Request) -> str:
    """Return the caller's network. The API gateway appends the address it saw to X-Forwarded-For; only that counts."""
    seen = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    address = _address(seen) or _address(request.client.host if request.client else "")
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _HOUSEHOLD), strict=False))
    return str(address) if address else "unknown"


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
