"""Conditional requests (RFC 9110, section 13)."""

from django.http import HttpRequest

from api.problems import Problem


def not_modified(request: HttpRequest, etag: str) -> bool:
    """Whether ``If-None-Match`` names the current representation (13.1.2: weak comparison)."""
    header = request.META.get("HTTP_IF_NONE_MATCH")
    return header is not None and (header.strip() == "*" or etag in (tag.removeprefix("W/") for tag in _tags(header)))


def require_match(request: HttpRequest, etag: str) -> None:
    """Raise `Problem` 412 where ``If-Match`` does not name the current state (13.1.1: strong comparison)."""
    header = request.META.get("HTTP_IF_MATCH")
    if header is not None and header.strip() != "*" and etag not in _tags(header):
        raise Problem(412, "The user has changed since it was read: read it again, then decide.")


def _tags(header: str) -> list[str]:
    # Our own tags hold no comma, so a tag that does can only be one that does not match.
    return [tag.strip() for tag in header.split(",")]
