"""What the caller asks for, read from the address alone: names, not yet resolved."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote

from bus.errors import BadRequest
from bus.media import media
from bus.message import Target

SOAP = "/soap/"
REST = "/rest/"

_MOST_FIELDS = 200


def soap_target(path: str, action: str, content_type: str) -> Target:
    """``/soap/<service>[/<version>]`` with the SOAPAction of either SOAP version."""
    service, _, version = path[len(SOAP) :].partition("/")
    action = action or media(content_type).action
    return Target(service, version.rstrip("/"), action=action.strip().strip('"').strip())


def rest_target(method: str, path: str, query: str) -> Target:
    """``/rest/<service>[/v/<version>]/<path>``; the path stays percent-encoded. Raises BadRequest."""
    service, _, rest = path[len(REST) :].partition("/")
    version = ""
    if rest.startswith("v/"):
        version, _, rest = rest[2:].partition("/")
    return Target(service, version, method=method, path=f"/{rest}", query=fields_of(query))


def check_path(path: str) -> None:
    """Refuse addresses that different servers read differently: dot segments, control characters, broken escapes."""
    if "%" not in path and "/." not in path:
        return
    try:
        plain = unquote(path, errors="strict")
    except UnicodeDecodeError as error:
        raise BadRequest("the path is not UTF-8 percent-encoding") from error
    segments = plain.replace("\\", "/").split("/")
    if "." in segments or ".." in segments:
        raise BadRequest("the path holds a dot segment; send the plain path")
    if not plain.isprintable():
        raise BadRequest("the path holds a control character")


def fields_of(query: str) -> tuple[tuple[str, str], ...]:
    """The query's fields in order. Raises BadRequest for too many or for what is not UTF-8."""
    if not query:
        return ()
    try:
        return tuple(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise BadRequest(f"the query is not UTF-8, or has more than {_MOST_FIELDS} fields") from error
