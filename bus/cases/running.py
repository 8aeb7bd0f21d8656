"""Runs saved cases through the very hops of the bus, with a canned provider and a journal in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from bus.backbone.topology import DELIVER
from bus.cases.case import Case, Provided
from bus.cases.comparing import differences
from bus.errors import ProviderUnreachable, UnknownOperation, meaning
from bus.hops.authenticate import WORKFLOW
from bus.hops.resolve import find_version
from bus.hops.suggest import missing
from bus.journal.memory import MemoryJournal
from bus.message import Message, Target, new_flow, new_id
from bus.orchestration.letters import EventLetter, StartLetter, read_engine_letter
from bus.parcel import unpack
from bus.payload import document_in, label, write
from bus.pipeline import Pipeline
from bus.ports import Letter, Ports
from bus.settings import Settings
from registry.model import Consumer, Operation, ServiceVersion, Snapshot
from transformers import json_text
from transformers.document import Document, is_xml
from transformers.errors import MeridianError
from transformers.soap import SoapVersion, seal


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a case ended: it passed when there is nothing in ``failures``; ``skipped`` says why it was not run."""

    case: Case
    failures: Sequence[str] = ()
    skipped: str = ""


async def run_case(case: Case, snapshot: Snapshot) -> Verdict:
    """Run one case against the services of a snapshot."""
    try:
        version, operation = find_operation(case, snapshot)
    except MeridianError as error:
        return Verdict(case, (str(error),))
    ends_here = bool(operation.starts or operation.raises or operation.mode == "async")
    if case.answer is None and case.reply is not None and not ends_here:
        return Verdict(case, skipped="it has a reply but no answer of the provider; run it with --live")
    desk = _Desk(snapshot, case.answer or Provided())
    failures: list[str] = []
    pipeline = Pipeline(desk.ports)
    try:
        reply = await pipeline.handle(_message(case, version, operation))
        for letter in desk.letters:
            if letter.queue == DELIVER:
                await pipeline.deliver(unpack(letter.body, snapshot))
        if case.error:
            failures.append(f"error: expected {case.error}, but the call succeeded")
        elif case.reply is not None:
            failures += [f"reply {each}" for each in differences(case.reply, _document(reply))]
    except MeridianError as error:
        code = meaning(error).code
        # Without an answer nothing is known of the reply: the case ends with what is sent.
        if code != case.error and not (case.answer is None and desk.sent is not None):
            wanted = f"expected {case.error}, " if case.error else ""
            failures.append(f"error: {wanted}found {code}: {error}")
    return Verdict(case, (*failures, *_sent_differences(case, desk), *_key_differences(case, desk)))


def find_operation(case: Case, snapshot: Snapshot) -> tuple[ServiceVersion, Operation]:
    """The operation that a case is of. Raises UnknownService, UnknownVersion or UnknownOperation."""
    service, _, name = case.operation.partition(".")
    version = find_version(snapshot, service, case.version)
    if name not in version.operations:
        raise UnknownOperation(missing(f"operation of {service}", name, version.operations))
    return version, version.operations[name]


def _message(case: Case, version: ServiceVersion, operation: Operation) -> Message:
    """The request as a caller would send it: XML through the SOAP door, JSON as a workflow's step does."""
    document = case.request
    target = Target(version.service, version.version, operation.name, action=operation.action)
    soap = is_xml(document)
    spoken = SoapVersion.V12 if "soap11" not in version.faces and "soap12" in version.faces else SoapVersion.V11
    body = seal(document, spoken) if soap else json_text.dumps(document)  # type: ignore[arg-type]
    return Message(
        id=new_id(),
        flow=new_flow(),
        door="soap" if soap else "workflow",
        target=target,
        body=body,
        content_type=f"{spoken.media_type}; charset=utf-8" if soap else "application/json",
    )


def _document(reply: Message) -> Document:
    if reply.content is not None and reply.content.envelope is None and reply.content.document is not None:
        return reply.content.document
    return document_in(reply.body)


def _sent_differences(case: Case, desk: _Desk) -> list[str]:
    if case.sent is None:
        return []
    if desk.sent is None and not desk.letters:
        return ["sent: nothing was sent"]
    if desk.sent is None:
        return [f"sent {each}" for each in differences(case.sent, _told(desk.letters[0]))]
    wire = desk.sent.wire
    found = [f"sent {each}" for each in differences(case.sent, document_in(desk.sent.body))]
    for name, wanted, got in (
        ("method", case.sent.method, wire.method if wire else "POST"),
        ("path", case.sent.path, wire.path if wire else ""),
    ):
        if wanted and wanted != got:
            found.append(f"sent {name}: expected {wanted}, found {got}")
    return found


def _told(letter: Letter) -> Document:
    """What a workflow is started with, or an event is raised with."""
    found = read_engine_letter(letter)
    if isinstance(found, StartLetter):
        return found.input
    return found.data if isinstance(found, EventLetter) else None


def _key_differences(case: Case, desk: _Desk) -> list[str]:
    found: dict[str, list[str]] = {}
    for record in desk.journal.outcomes[:1]:
        for name, value in record.keys:
            found.setdefault(name, []).append(value)
    return [
        f"keys {name}: expected {', '.join(values) or 'none'}, found {', '.join(found.get(name, ())) or 'none'}"
        for name, values in case.keys.items()
        if sorted(values) != sorted(found.get(name, ()))
    ]


@dataclass
class _Desk:
    """The bus's outside for one case: one caller who may do everything, one provider that answers as it is told."""

    snapshot: Snapshot
    answer: Provided
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    letters: list[Letter] = field(default_factory=list)
    sent: Message | None = None

    @property
    def ports(self) -> Ports:
        """Itself, as every port there is."""
        return Ports(
            settings=Settings(),
            registry=self,
            journal=self.journal,
            identities=self,
            limiter=self,
            connector=self,
            outbox=self,
        )

    async def identify(self, message: Message, snapshot: Snapshot) -> Consumer:
        """Whoever runs a case may call everything."""
        return WORKFLOW

    def admit(self, consumer: Consumer) -> None:
        """As often as it likes."""

    async def post(self, letters: Sequence[Letter]) -> None:
        """Keep what was accepted for later."""
        self.letters.extend(letters)

    async def send(self, message: Message) -> Message:
        """Keep what goes to the provider and answer for it, in the form that it speaks."""
        self.sent = message
        if message.version is None or message.version.provider is None:
            raise ProviderUnreachable("there is no provider", sent=False)
        document, status = self.answer.document, self.answer.status
        if document is None:
            body, media = b"", ""
        elif message.version.provider.protocol == "rest":
            body, media = write(document, "utf-8"), label(document, "utf-8")
        else:
            spoken = SoapVersion.V11 if message.version.provider.protocol == "soap11" else SoapVersion.V12
            body, media = seal(document, spoken), f"{spoken.media_type}; charset=utf-8"  # type: ignore[arg-type]
        return replace(
            message, body=body, content_type=media, headers={}, charset="utf-8", status=status, content=None, wire=None
        )
