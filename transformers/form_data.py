"""HTML form data (RFC 7578) as a JSON document: fields by name, files as base64."""

from __future__ import annotations

from base64 import b64encode

from transformers import json_text
from transformers.document import Json
from transformers.errors import PackageInvalid
from transformers.multipart import DEFAULT_LIMITS, Limits, MultipartReader, Part, parameters

MEDIA = "multipart/form-data"

#: The name of the part that holds the document itself, as JSON, where it is more than fields of text.
DOCUMENT = "document"


def read_form(content_type: str, body: bytes, limits: Limits = DEFAULT_LIMITS) -> Json:
    """Answer the form's fields as one object.

    A part with a file name is base64, a part of type application/json its value, any other part its text. Several
    parts of one name make a list. The part ``document`` (a JSON object) is what the others are added to. Raises
    PackageInvalid, DocumentTooLarge or MalformedDocument.
    """
    document: dict[str, Json] = {}
    fields: dict[str, list[Json]] = {}
    for part, data in _parts(content_type, body, limits):
        given = parameters(part.headers.get("content-disposition", ""))
        name = given.get("name", "")
        if not name or not part.headers["content-disposition"].lower().startswith("form-data"):
            raise PackageInvalid("a part of the form has no name")
        value = _value(part, data, "filename" in given)
        if name == DOCUMENT and isinstance(value, dict):
            document = value
        else:
            fields.setdefault(name, []).append(value)
    for name, values in fields.items():
        if name in document:
            raise PackageInvalid("a field stands both in the form's document and in a part of its own")
        document[name] = values[0] if len(values) == 1 else values
    return document


def _value(part: Part, data: bytes, file: bool) -> Json:
    if file:
        return b64encode(data).decode("ascii")
    if part.content_type.partition(";")[0].strip().lower() == "application/json":
        return json_text.loads(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PackageInvalid("a text field of the form is not UTF-8; send it as a file") from error


def _parts(content_type: str, body: bytes, limits: Limits) -> list[tuple[Part, bytes]]:
    reader = MultipartReader(parameters(content_type).get("boundary", ""), limits)
    found: list[tuple[Part, list[bytes]]] = []
    for event in reader.feed(body):
        if isinstance(event, Part):
            found.append((event, []))
        else:
            found[-1][1].append(event)
    reader.close()
    return [(part, b"".join(blocks)) for part, blocks in found]
