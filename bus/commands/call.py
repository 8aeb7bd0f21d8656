"""``meridian call`` and ``meridian snippet``: one operation, called through the bus as a caller would."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from bus.cases.saving import saved
from bus.client.request import rest_call, soap_call
from bus.client.sending import send
from bus.client.snippets import LANGUAGES, Face, Language, faces, snippet
from bus.errors import UnknownOperation
from bus.hops.resolve import find_version
from bus.hops.suggest import missing
from bus.journal.open import open_journal
from bus.registry import open_store
from bus.settings import Settings
from registry.contracts.json_schemas import request_schema
from registry.live import LiveRegistry
from registry.model import Operation, ServiceVersion
from registry.samples import sample
from transformers import charset, json_text, xml
from transformers.document import Document

_OPERATION = click.argument("operation", metavar="SERVICE.OPERATION")
_VERSION = click.option("--version", "number", default="", help="Version; default: the service's own default.")
_URL = click.option("--url", default="", help="Address of the bus; default: public_url of the settings.")
_JSON = click.option("--json", "as_json", metavar="TEXT|@FILE|-", help="The request as JSON.")
_XML = click.option("--xml", "as_xml", metavar="TEXT|@FILE|-", help="The request as XML, without an envelope.")
_FACE = click.option("--face", type=click.Choice(["soap", "rest"]), help="Default: the form of the request.")


@click.command()
@_OPERATION
@_VERSION
@_JSON
@_XML
@_FACE
@_URL
@click.option("--key", envvar="MERIDIAN_API_KEY", default="", help="API key of a consumer; or $MERIDIAN_API_KEY.")
@click.option("--sample", "only_sample", is_flag=True, help="Print a sample request and send nothing.")
@click.option("--save", type=click.Path(path_type=Path), help="Add this call to a file of saved cases.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds.")
@click.pass_obj
def call(
    settings: Settings,
    operation: str,
    number: str,
    as_json: str | None,
    as_xml: str | None,
    face: Face | None,
    url: str,
    key: str,
    only_sample: bool,
    save: Path | None,
    timeout: float,
) -> None:
    """Call an operation through the running bus, with your request or with a sample made from its schema.

    A sample is sent only to operations that read; for one that writes, it is printed for you to fill in.
    """
    version, found = _find(settings, operation, number)
    document = _given(as_json, as_xml)
    if document is None:
        document = sample(request_schema(found))
        if only_sample or found.effect == "write":
            click.echo(json_text.pretty(document))
            if not only_sample:
                click.echo(f"{operation} writes: fill this in and give it with --json; nothing was sent", err=True)
            sys.exit(0 if only_sample else 2)
    chosen = face or ("soap" if as_xml is not None and "soap" in faces(version) else faces(version)[0])
    request = (rest_call if chosen == "rest" else soap_call)(version, found, document, url or settings.base_url)
    click.echo(f"{request.method} {request.url}", err=True)
    answered = asyncio.run(send(request, key, timeout))
    click.echo(f"{answered.status} {answered.content_type}  message {answered.message_id}", err=True)
    click.echo(answered.text)
    if save is not None:
        record = open_journal(settings)[1].message(answered.message_id)
        click.echo(f"saved in {save}: {saved(save, operation, document, record)}", err=True)
    sys.exit(0 if answered.status < 400 else 1)


@click.command("snippet")
@_OPERATION
@click.argument("language", type=click.Choice(LANGUAGES))
@_VERSION
@_FACE
@_URL
@click.pass_obj
def snippet_command(
    settings: Settings, operation: str, language: Language, number: str, face: Face | None, url: str
) -> None:
    """Print a program in LANGUAGE that calls an operation with a sample; it runs as it is."""
    version, found = _find(settings, operation, number)
    chosen = face or faces(version)[0]
    click.echo(snippet(version, found, language, base=url or settings.base_url, face=chosen), nl=False)


def _find(settings: Settings, name: str, number: str) -> tuple[ServiceVersion, Operation]:
    registry = LiveRegistry(open_store(settings), os.environ)
    registry.refresh()
    service, _, operation = name.partition(".")
    version = find_version(registry.snapshot, service, number)
    if operation not in version.operations:
        raise UnknownOperation(missing(f"operation of {service}", operation, version.operations))
    return version, version.operations[operation]


def _given(as_json: str | None, as_xml: str | None) -> Document:
    if as_json is not None and as_xml is not None:
        raise click.UsageError("give --json or --xml, not both")
    if as_json is not None:
        return json_text.loads(_bytes(as_json))
    return xml.parse(charset.read(_bytes(as_xml)).text_utf8) if as_xml is not None else None


def _bytes(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
