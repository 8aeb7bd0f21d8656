"""The attachments of one message on their way: read once, in order, measured and hashed, never held unless asked."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from transformers.cid import key_of_header
from transformers.errors import DocumentError, DocumentTooLarge, MeridianError, PackageInvalid
from transformers.multipart import Event, Part
from transformers.related import RelatedReader, RelatedWriter, Style
from transformers.xop import Attachment

#: Answers the next block of a body, or nothing at its end.
More: TypeAlias = Callable[[], Awaitable[bytes]]

#: Turns what is wrong with a package into an error of whoever sent it.
Blame: TypeAlias = Callable[[DocumentError], MeridianError]


@dataclass(slots=True)
class Fact:
    """What the journal keeps of an attachment. ``sha256`` is in hex, and empty until the part has ended."""

    content_id: str
    content_type: str
    size: int = 0
    sha256: str = ""


class Attachments:
    """The parts behind a root document. Belongs to one exchange and one event loop.

    Either a stream, which one reader may go through once, or, after ``hold`` or when made by ``of``, the parts
    themselves in ``parts``. ``limit`` is how many bytes a stream may bring; ``expected`` are the keys that the
    root refers to: a stream that ends without them is refused. ``facts`` grow while the stream is read, and
    ``began`` says whether anybody has.
    """

    def __init__(self, style: Style, events: AsyncIterator[Event], *, limit: int, blame: Blame) -> None:
        self.style = style
        self.limit = limit
        self.expected: frozenset[str] = frozenset()
        self.facts: list[Fact] = []
        self.parts: Mapping[str, Attachment] | None = None
        self.began = False
        self.ended = False
        self.failure: Exception | None = None
        self._events = events
        self._blame = blame
        self._at_end: list[Callable[[], None]] = []

    @classmethod
    def of(cls, style: Style, parts: Mapping[str, Attachment]) -> Attachments:
        """Attachments that are held already."""
        held = cls(style, _nothing(), limit=0, blame=_as_it_is)
        held.parts = parts
        held.facts = [
            Fact(key, part.content_type, len(part.data), hashlib.sha256(part.data).hexdigest())
            for key, part in parts.items()
        ]
        return held

    @property
    def live(self) -> bool:
        """Whether they are a stream that has not ended."""
        return self.parts is None and not self.ended

    async def read(self) -> AsyncIterator[tuple[str, Event]]:
        """Answer heads and data in order, each with the key of its part.

        Raises what ``blame`` makes of a broken package or one over the limit, and what the stream itself raises.
        """
        if self.parts is not None:
            for key, part in self.parts.items():
                yield key, Part({"content-type": part.content_type})
                yield key, part.data
            return
        if self.began:
            raise RuntimeError("the attachments have been read before")
        self.began = True
        try:
            async for key, event in self._measured():
                yield key, event
        except DocumentError as error:
            self.failure = self._blame(error)
            raise self.failure from error
        except Exception as error:
            self.failure = error
            raise
        finally:
            self.discard()

    async def hold(self, limit: int) -> None:
        """Read them whole into ``parts``, at most ``limit`` bytes together. Raises like ``read``."""
        if self.parts is not None:
            return
        self.limit = min(self.limit, limit)
        kinds: dict[str, str] = {}
        blocks: dict[str, list[bytes]] = {}
        async for key, event in self.read():
            if isinstance(event, Part):
                kinds[key], blocks[key] = event.content_type, []
            else:
                blocks[key].append(event)
        self.parts = {key: Attachment(kind, b"".join(blocks[key])) for key, kind in kinds.items()}

    def on_end(self, call: Callable[[], None]) -> None:
        """Have ``call`` called when the stream has ended, however that is."""
        self._at_end.append(call)

    def discard(self) -> None:
        """Let go of the stream: nobody will read what is left."""
        self.ended = True
        calls, self._at_end = self._at_end, []
        for call in calls:
            call()

    async def _measured(self) -> AsyncIterator[tuple[str, Event]]:
        total = 0
        key, fact, digest = "", None, hashlib.sha256()
        async for event in self._events:
            if isinstance(event, Part):
                if fact is not None:
                    fact.sha256 = digest.hexdigest()
                key, digest = key_of_header(event.content_id), hashlib.sha256()
                fact = Fact(key, event.content_type)
                self.facts.append(fact)
            elif fact is not None:
                total += len(event)
                if total > self.limit:
                    raise DocumentTooLarge(f"the attachments have more than the {self.limit} bytes that are accepted")
                fact.size += len(event)
                digest.update(event)
            yield key, event
        if fact is not None:
            fact.sha256 = digest.hexdigest()
        if not self.expected.issubset(each.content_id for each in self.facts):
            raise PackageInvalid("the root document refers to a part that is not there")


async def open_package(
    content_type: str, more: More, *, root_limit: int, limit: int, blame: Blame
) -> tuple[bytes, str, Attachments]:
    """Read the root of a package: its bytes, its own content type, and what follows it as a stream.

    Raises what ``blame`` makes of PackageInvalid and DocumentTooLarge, and what ``more`` raises.
    """
    try:
        reader = RelatedReader(content_type)
        root, events = await _root(reader, more, root_limit)
    except DocumentError as error:
        raise blame(error) from error
    return root, reader.root_type, Attachments(reader.style, _rest(reader, more, events), limit=limit, blame=blame)


async def written(root: bytes, writer: RelatedWriter, attachments: Attachments) -> AsyncGenerator[bytes, None]:
    """The blocks of a package; the last of them is its closing boundary and nothing else."""
    yield writer.root() + root
    async for key, event in attachments.read():
        yield writer.part(key, event.headers) if isinstance(event, Part) else event
    yield writer.end()


def length(root: bytes, writer: RelatedWriter, attachments: Attachments) -> int | None:
    """How many bytes ``written`` will answer, or None while nobody knows."""
    if attachments.parts is None:
        return None
    parts = attachments.parts.items()
    return writer.length(root, ((key, {"content-type": part.content_type}, len(part.data)) for key, part in parts))


async def _root(reader: RelatedReader, more: More, limit: int) -> tuple[bytes, list[Event]]:
    """The first part's data, and the events behind it that came in the same block."""
    blocks: list[bytes] = []
    size, heads = 0, 0
    while True:
        block = await more()
        if not block:
            reader.close()
        events = reader.feed(block)
        for position, event in enumerate(events):
            if isinstance(event, Part):
                heads += 1
                if heads == 2:
                    return b"".join(blocks), events[position:]
                continue
            size += len(event)
            if size > limit:
                raise DocumentTooLarge(f"the root document has more than the {limit} bytes that are accepted")
            blocks.append(event)
        if reader.finished:
            reader.close()
            return b"".join(blocks), []


async def _rest(reader: RelatedReader, more: More, events: list[Event]) -> AsyncIterator[Event]:
    for event in events:
        yield event
    # To the end of the body, not of the package: a connection is fit for reuse only when it has been read out.
    while block := await more():
        for event in reader.feed(block):
            yield event
    reader.close()


async def _nothing() -> AsyncIterator[Event]:
    for event in list[Event]():
        yield event


def _as_it_is(error: DocumentError) -> MeridianError:
    return error
