"""How an operation is called from other languages: small programs that run as they are."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Literal, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined

from bus.client.request import rest_call, soap_call, soap_version
from registry.contracts.json_schemas import request_schema
from registry.model import Operation, ServiceVersion
from registry.samples import sample
from transformers.document import Document, Json, is_xml
from transformers.json_text import pretty
from transformers.soap import SoapVersion

Language = Literal["curl", "python", "php", "java", "csharp"]
Face = Literal["soap", "rest"]

LANGUAGES: tuple[Language, ...] = get_args(Language)

#: These have a SOAP library or a REST one; in the others one template sends either.
_APART = frozenset({"curl", "python", "php"})


def faces(version: ServiceVersion) -> tuple[Face, ...]:
    """What callers of a version may speak, REST first; a manifest names at least one."""
    spoken: list[Face] = ["rest"] if "rest" in version.faces else []
    return (*spoken, *(("soap",) if soap_version(version) is not None else ()))


def snippet(
    version: ServiceVersion,
    operation: Operation,
    language: Language,
    *,
    base: str,
    face: Face,
    document: Document = None,
) -> str:
    """Answer a program in ``language`` that calls the operation with ``document``, or with a sample of its schema.

    ``base`` is the bus's address. The API key is read from the environment, from ``MERIDIAN_API_KEY``. Raises
    FaceNotOffered where the face is not offered or no schema says how to write the document.
    """
    given = sample(request_schema(operation)) if document is None else document
    call = (rest_call if face == "rest" else soap_call)(version, operation, given, base)
    plain: Json = operation.to_json(given) if is_xml(given) and operation.to_json else given  # type: ignore[assignment]
    name = f"{language}.{face}.j2" if language in _APART else f"{language}.j2"
    text = (
        _environment()
        .get_template(name)
        .render(
            call=call,
            operation=operation.name,
            document=plain,
            wsdl=f"{base}/soap/{version.service}/{version.version}?wsdl",
            soap12=soap_version(version) is SoapVersion.V12,
        )
    )
    return text.rstrip("\n") + "\n"


@cache
def _environment() -> Environment:
    # What is written is a program, not a page: nothing may be turned into HTML's references.
    made = Environment(loader=PackageLoader("bus.client", "snippets"), undefined=StrictUndefined, autoescape=False)  # noqa: S701
    made.filters |= {"literal": _literal, "plain": _plain, "pretty": pretty, "python": _python}
    return made


def _literal(text: str) -> str:
    """A string literal in C#, Java and Python alike: JSON's is one in all three."""
    return json.dumps(text, ensure_ascii=False)


def _python(value: Json, text: str) -> str:
    """The value as Python writes it, with members as zeep names them."""
    return repr(_plain(value, text))


def _plain(value: Json, text: str) -> Any:
    """The document as SOAP libraries take it: attributes under their bare name, an element's text as ``text``."""
    if isinstance(value, dict):
        return {text if name == "#text" else name.removeprefix("@"): _plain(item, text) for name, item in value.items()}
    return [_plain(item, text) for item in value] if isinstance(value, list) else value
