"""The root of the one error tree, and the branch of documents that cannot be read or written.

MeridianError
├── DocumentError                what arrived, or what a mapping made, is not a usable document
│   ├── MalformedDocument        not well-formed XML or JSON
│   ├── UnsafeDocument           a DTD, an entity, an include: refused whatever it says
│   ├── DocumentTooLarge         bytes, depth, nodes or attributes over the limit
│   ├── CharsetMismatch          no charset of the ladder decodes the bytes
│   ├── EnvelopeInvalid          XML, but not a SOAP envelope this bus can open
│   ├── VersionMismatch          a SOAP envelope of a version that this door does not speak
│   │   └── VersionNotOffered    a sound one, while this service speaks the other version only
│   ├── PackageInvalid           a multipart message that breaks MIME, XOP or SOAP with Attachments
│   ├── HeaderNotUnderstood      a mustUnderstand header that nobody here understands
│   ├── SecurityInvalid          a WS-Security header that does not hold: signature, encryption, timestamp
│   ├── AddressingInvalid        WS-Addressing headers that cannot be followed
│   ├── ContractViolation        read well, but breaks its contract; carries every violation
│   ├── MappingFailed            a stylesheet, a jq filter or a code table refused this document
│   ├── AnswerRefused            an answer that is well-formed and says no, under whatever HTTP status
│   └── TransformerInvalid       a stylesheet, schema or filter that does not compile (never on the hot path)
├── RegistryError                (registry/errors.py)
└── BusError                     (bus/errors.py)

Messages name what is wrong and where; they never quote the document's values, which may be a patient's.
"""

from __future__ import annotations

from dataclasses import dataclass


class MeridianError(Exception):
    """Every error this project raises on purpose. ``str(error)`` is safe to show to a caller."""


class DocumentError(MeridianError):
    """A document that cannot be used."""


class MalformedDocument(DocumentError):
    """Not well-formed XML or JSON."""

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class UnsafeDocument(DocumentError):
    """Holds a construct that is refused whatever it says: DTD, entity, external reference."""


class DocumentTooLarge(DocumentError):
    """Over a limit of size, depth or number of nodes."""


class CharsetMismatch(DocumentError):
    """The bytes decode in no charset of the ladder."""


class EnvelopeInvalid(DocumentError):
    """Well-formed XML that is no SOAP envelope with exactly one Body holding at most one child."""


class VersionMismatch(DocumentError):
    """The envelope's namespace does not fit the content type, or is no SOAP version at all."""


class VersionNotOffered(VersionMismatch):
    """A sound envelope of a SOAP version that this service does not speak, while it speaks the other."""


class PackageInvalid(DocumentError):
    """A multipart message whose parts cannot be told apart, found, or trusted."""


class HeaderNotUnderstood(DocumentError):
    """A SOAP header block marked mustUnderstand that this bus does not understand; ``header`` is its Clark name."""

    def __init__(self, message: str, *, header: str = "") -> None:
        super().__init__(message)
        self.header = header


class SecurityInvalid(DocumentError):
    """A WS-Security header that does not hold: a signature, an encryption, a Timestamp, or what was left without.

    What cannot be decrypted is said in one text for every reason, which is no oracle for whoever made it.
    """


class AddressingInvalid(DocumentError):
    """WS-Addressing headers that cannot be followed; ``subcode`` is the standard's own fault, as a Clark name."""

    def __init__(self, message: str, *, subcode: str = "") -> None:
        super().__init__(message)
        self.subcode = subcode


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a document breaks its contract.

    ``path`` is an XPath (XML) or a JSON Pointer (JSON); ``rule`` is the schema's own keyword or type.
    ``message`` names the rule and never the offending value.
    """

    path: str
    message: str
    rule: str = ""
    line: int | None = None


class ContractViolation(DocumentError):
    """The document was read and breaks its contract; ``violations`` holds all of the ways."""

    def __init__(self, message: str, violations: tuple[Violation, ...]) -> None:
        super().__init__(message)
        self.violations = violations


class MappingFailed(DocumentError):
    """A mapping step refused this document; ``step`` says which."""

    def __init__(self, message: str, *, step: str = "") -> None:
        super().__init__(message)
        self.step = step


class AnswerRefused(DocumentError):
    """A well-formed answer that says no: ``code`` and ``reason`` are the provider's own words.

    Many systems answer HTTP 200 and put ``ResultCode`` -1 into the body; this is what makes that a failure.
    """

    def __init__(self, message: str, *, code: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class TransformerInvalid(DocumentError):
    """A stylesheet, schema, filter or table that does not compile.

    ``line`` counts from 1, in ``file`` where it has several.
    """

    def __init__(self, message: str, *, line: int | None = None, file: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.file = file
