"""The words of the registry as frozen values: what a snapshot is made of, and all that the hot path reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from registry.claims import Claims
from registry.failure_policy import Rule
from registry.outcome_query import OutcomeQuery
from registry.quirks import ProviderQuirks, Quirks
from registry.vendor_paths import VendorPaths
from transformers.blocks import Blocks
from transformers.certificates import Certificate, Identity, Pin, Pins
from transformers.document import Document, Element, Transform
from transformers.encoded import SoapEncoding
from transformers.errors import Violation
from transformers.held import Holder, Manner
from transformers.hip.actions import ActionTable
from transformers.http_form import WHOLE, HttpForm
from transformers.masking import DEFAULT_RULES, Rules
from transformers.shape import Shape
from transformers.soap import SoapVersion

Effect = Literal["read", "write"]
Mode = Literal["sync", "async"]
Form = Literal["xml", "json"]
Gate = Literal["off", "warn", "reject"]
Protocol = Literal["soap11", "soap12", "rest"]

#: Title or label in the console's languages, keyed by ``zh`` and ``en``.
Title = Mapping[str, str]

#: A compiled validator: a document in, every violation out (empty when it is valid). Thread-safe.
Validator = Callable[[Document], tuple[Violation, ...]]

#: Finds the elements of a document that its schema calls base64Binary.
Binaries = Callable[[Element], Iterator[Element]]

#: A compiled key expression: a document in, the texts it holds at that path out.
KeyPath = Callable[[Document], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class System:
    """An application of the hospital: HIS, EMR, LIS, PACS, insurance, app …"""

    name: str
    title: Title
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """How an operation is called. Times are seconds.

    ``retries`` counts further tries after the first and is honoured only where ``idempotent`` is true or
    the first byte never left; ``breaker_failures`` consecutive failures open the breaker for ``breaker_open``.
    ``on_failure`` says what becomes of a delivery, or of a workflow's call, that failed all the same. ``backlog`` is
    how many accepted messages of the service may wait; 0 leaves it to the settings. One that is not delivered within
    ``expires`` seconds of its acceptance waits for a person; 0: it never expires. ``downtime`` is what callers get
    while the system has a planned downtime: an error, or the last good reply if it is no older than ``cached_for``.
    """

    timeout: float = 10.0
    retries: int = 2
    backoff: float = 0.2
    idempotent: bool = False
    concurrency: int = 16
    queue: int = 64
    breaker_failures: int = 5
    breaker_open: float = 5.0
    backlog: int = 0
    downtime: Literal["error", "cached"] = "error"
    cached_for: float = 86400.0
    on_failure: tuple[Rule, ...] = ()
    expires: float = 0.0


@dataclass(frozen=True, slots=True)
class Security:
    """WS-Security X.509 between the bus and one other side: a service's callers, or a provider.

    ``identity`` signs what goes out and decrypts what comes in. ``give`` is what is done to what goes out,
    ``require`` what must have been done to what comes in: ``signature``, ``encryption``. ``peer`` is a provider's
    certificate. ``names_by`` is how signatures name our certificate; ``legacy`` admits SHA-1 and AES-CBC.
    """

    identity: Identity | None = None
    peer: Certificate | None = None
    give: frozenset[str] = frozenset()
    require: frozenset[str] = frozenset()
    names_by: str = "binary-token"
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Auth:
    """How the bus identifies itself to a provider. ``secret`` is resolved from the environment, never stored."""

    kind: Literal["none", "basic", "bearer", "header", "username-token", "wss-x509"] = "none"
    username: str = ""
    secret: str = field(default="", repr=False)
    header: str = ""
    security: Security | None = None


@dataclass(frozen=True, slots=True)
class AttachmentRules:
    """How a provider takes what callers attach: in the document (``inline``), as MTOM, or as SOAP with Attachments.

    For MTOM, base64 of at least ``threshold`` bytes is taken out of a document that came whole. ``limit`` is how
    many bytes the attachments of one message may have together; 0 leaves it to the settings.
    """

    style: Literal["inline", "mtom", "swa"]
    threshold: int = 1024
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that serves a version. ``weight`` 0 takes no traffic; ``health`` is a path to probe, or empty."""

    url: str
    weight: int = 100
    health: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """The system's side of a service version: protocol, encoding, addresses.

    ``addressing`` has requests carry WS-Addressing headers, and replies checked against them.
    """

    protocol: Protocol
    endpoints: tuple[Endpoint, ...]
    charset: str = "utf-8"
    auth: Auth = Auth()
    quirks: ProviderQuirks | None = None
    attachments: AttachmentRules | None = None
    addressing: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A contract check and what a violation does: ``reject`` refuses, ``warn`` journals, ``off`` does nothing."""

    gate: Gate
    validator: Validator


def _unknown() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Contracts:
    """What recorded documents are held against, whatever the gates say; compiled when first asked for.

    ``request`` and ``reply`` are the contract's own documents, ``sent`` and ``received`` the provider's side of
    the mappings. Each answers None where no schema is known.
    """

    request: Callable[[], Validator | None] = _unknown
    reply: Callable[[], Validator | None] = _unknown
    sent: Callable[[], Validator | None] = _unknown
    received: Callable[[], Validator | None] = _unknown


@dataclass(frozen=True, slots=True)
class Key:
    """A business key to extract: ``visit_no`` at some path. ``identity`` keys are indexed in canonical form."""

    name: str
    path: KeyPath
    identity: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """How the provider is addressed for one operation.

    REST: ``method`` and ``path`` with ``{field}`` templates filled from the request document (filled fields
    are consumed; what is left is the query for GET and DELETE, the JSON body otherwise).
    ``form``, where a contract gives one, says instead which fields stand in path, query, headers and body.
    SOAP: ``action`` is the SOAPAction; ``path`` is appended to the endpoint's URL and usually empty. ``encoding`` and
    ``reply_encoding`` are set where the provider speaks SOAP's own encoding.
    """

    method: str = "POST"
    path: str = ""
    action: str = ""
    form: HttpForm | None = None
    encoding: SoapEncoding | None = None
    reply_encoding: SoapEncoding | None = None


@dataclass(frozen=True, slots=True)
class Inside:
    """The document of a contract stands inside an element of another one, which is what SOAP callers send.

    ``style`` says how a reply is put back: as the ``caller`` writes, as the ``provider`` does, or always in one way.
    ``manner`` is that of whom nothing is known: a provider asked by a caller that sent the document bare.
    """

    holder: Holder
    style: Literal["caller", "provider", "cdata", "escaped", "child"]
    manner: Manner


@dataclass(frozen=True, slots=True)
class Operation:
    """One callable thing, with everything compiled that the hot path needs.

    ``http_form`` says where the fields of a REST caller's document stand, and reads those outside of its body.
    ``form`` is the format the contract speaks (the caller's document is brought to it before checks and
    mappings; ``to_xml``/``to_json`` do that by schema and are None where no schema allows it).
    ``shape``/``reply_shape`` are the documents' structure, where a schema tells it; ``schema``/``reply_schema`` are
    their JSON Schemas (2020-12, standing alone), where the contract is one. ``registry.contracts.json_schemas``
    makes JSON Schemas of either. ``own`` is the operation as the provider's OpenAPI has it, where its REST face is
    the description's.
    ``request``/``reply`` map the contract's document to the provider's and back; empty means bytes through.
    ``encoding`` and ``reply_encoding`` are set where callers speak SOAP's own encoding (rpc/encoded).
    ``header``, ``reply_header`` and ``faults`` are the SOAP header blocks and fault details that a WSDL declares.
    ``attachments`` is None where nobody may attach anything; ``binaries`` and ``reply_binaries`` are None where no
    schema says what is binary.
    An operation ends in exactly one of: the provider's endpoints, ``starts`` a workflow, ``raises`` an event.
    ``order_by`` is the one of ``keys`` whose messages stay in order when they are accepted for later.
    ``query`` asks what a write did whose outcome is unknown.
    ``request_inside``/``reply_inside``: the contract's document travels inside another one; ``encloses`` and
    ``discloses`` say that the SOAP provider has it so too, with no mapping step that does it.
    ``require`` names what its callers must do by WS-Security: ``signature``, ``encryption``.
    ``supersedes`` names a key: of several messages with one value that a downtime held, only the newest is sent.
    """

    service: str
    version: str
    name: str
    title: Title
    effect: Effect
    mode: Mode
    form: Form
    policy: Policy
    call: Call
    element: str = ""
    reply_element: str = ""
    action: str = ""
    http_method: str = "POST"
    http_path: str = ""
    http_form: HttpForm = WHOLE
    request: tuple[Transform, ...] = ()
    reply: tuple[Transform, ...] = ()
    request_check: Check | None = None
    reply_check: Check | None = None
    keys: tuple[Key, ...] = ()
    reply_keys: tuple[Key, ...] = ()
    order_by: Key | None = None
    query: OutcomeQuery | None = None
    to_json: Transform | None = None
    to_xml: Transform | None = None
    reply_to_json: Transform | None = None
    reply_to_xml: Transform | None = None
    contracts: Contracts = Contracts()
    shape: Shape | None = None
    reply_shape: Shape | None = None
    schema: Mapping[str, Any] | None = None
    reply_schema: Mapping[str, Any] | None = None
    encoding: SoapEncoding | None = None
    reply_encoding: SoapEncoding | None = None
    header: Blocks | None = None
    reply_header: Blocks | None = None
    faults: Blocks | None = None
    attachments: AttachmentRules | None = None
    binaries: Binaries | None = None
    reply_binaries: Binaries | None = None
    request_inside: Inside | None = None
    reply_inside: Inside | None = None
    encloses: bool = False
    discloses: bool = False
    masks: Rules = DEFAULT_RULES
    starts: str = ""
    raises: str = ""
    supersedes: str = ""
    own: Mapping[str, Any] | None = None
    require: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PublishedContract:
    """A WSDL and the schemas it imports, by file name. The main document is ``documents[main]``.

    Every address and import inside is still the vendor's; the gateway rewrites them to the bus's own.
    """

    main: str
    documents: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Hip:
    """A version that is one HIPMessageServer (WS/T 846): its actions, and the device that its answers come from."""

    table: ActionTable
    device: str


@dataclass(frozen=True, slots=True)
class ServiceVersion:
    """An immutable release of a service's contract.

    ``by_element`` finds an operation by the qualified name of the SOAP Body's child (Clark notation),
    ``by_action`` by SOAPAction; ``routes`` are the REST faces in matching order. ``components`` are the schemas
    of the version's own OpenAPI description, which its operations' ``own`` refers to. ``headers`` are the SOAP header
    blocks (Clark names) that the contract or the manifest passes on to the provider.
    """

    service: str
    version: str
    system: str
    title: Title
    faces: frozenset[Protocol]
    provider: Provider | None
    operations: Mapping[str, Operation]
    by_element: Mapping[str, Operation]
    by_action: Mapping[str, Operation]
    routes: tuple[Route, ...]
    wsdl: PublishedContract | None = None
    components: Mapping[str, Any] = field(default_factory=dict)
    hip: Hip | None = None
    security: Security | None = None
    headers: frozenset[str] = frozenset()

    def speaks(self, version: SoapVersion) -> bool:
        """Whether callers may use this SOAP version here."""
        return ("soap11" if version is SoapVersion.V11 else "soap12") in self.faces


@dataclass(frozen=True, slots=True)
class Route:
    """One REST face: a method and a compiled path. ``match`` gives the path's fields, or None."""

    method: str
    template: str
    operation: Operation
    match: Callable[[str], Mapping[str, str] | None]


@dataclass(frozen=True, slots=True)
class Service:
    """What a system offers, in all of its versions. ``default`` is the version of a path that names none."""

    name: str
    default: str
    versions: Mapping[str, ServiceVersion]


@dataclass(frozen=True, slots=True)
class Credential:
    """One way a consumer may identify itself. Exactly the fields of its kind are set.

    api-key: ``sha256`` (hex) of the key. basic: ``username`` and ``scrypt`` (``scrypt$n$r$p$salt$hash``, hex).
    username-token: ``username`` and ``secret`` (a password digest needs the clear password, WSS UT 1.1 §3.1).
    x509: ``pin``, the certificate that signs the caller's messages.
    """

    kind: Literal["api-key", "basic", "username-token", "x509"]
    sha256: str = ""
    username: str = ""
    scrypt: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    pin: Pin | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission for operations of one service; ``*`` stands for all of them."""

    service: str
    operations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who calls. ``rate`` is calls a second (0: no limit), ``burst`` the bucket's depth.

    ``reply_to`` are the addresses (prefixes) to which its calls may have their replies sent. With
    ``message_ids_once`` each of its SOAP messages needs a MessageID that it has not sent within a day.
    """

    name: str
    title: Title
    system: str = ""
    credentials: tuple[Credential, ...] = ()
    grants: tuple[Grant, ...] = ()
    rate: float = 0.0
    burst: int = 0
    charset: str = ""
    quirks: Quirks | None = None
    reply_to: tuple[str, ...] = ()
    message_ids_once: bool = False

    def may_call(self, service: str, operation: str) -> bool:
        """Whether a grant covers this operation."""
        return any(
            grant.service in (service, "*") and (operation in grant.operations or "*" in grant.operations)
            for grant in self.grants
        )


@dataclass(frozen=True, slots=True)
class Milestone:
    """One stage of a visit, reached when an exchange of ``operation`` (``service.operation``) succeeds."""

    name: str
    title: Title
    operations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Journey:
    """The milestones of a visit in order, assembled by the business key ``key``."""

    name: str
    title: Title
    key: str
    milestones: tuple[Milestone, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the hot path knows, compiled and immutable. ``revision`` counts up from 1; 0 is the empty one.

    ``workflows`` maps a name to its definition (``registry/workflow.py``); ``claims`` is there when a consumer
    has a quirk profile; ``http_headers`` are the request headers that contracts name, in lower case, by their bytes;
    ``pins`` are the certificates of all consumers.
    """

    revision: int = 0
    systems: Mapping[str, System] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    consumers: Mapping[str, Consumer] = field(default_factory=dict)
    workflows: Mapping[str, Any] = field(default_factory=dict)
    journeys: Mapping[str, Journey] = field(default_factory=dict)
    vendor_paths: VendorPaths = field(default_factory=VendorPaths)
    claims: Claims | None = None
    http_headers: Mapping[bytes, str] = field(default_factory=dict)
    pins: Pins = field(default_factory=lambda: Pins(()))

    def system_of(self, operation: str) -> str:
        """The system that ``service.operation`` goes to in its default version; empty for a service nobody knows."""
        service = self.services.get(operation.partition(".")[0])
        version = service.versions.get(service.default) if service is not None else None
        return version.system if version is not None else ""

    def systems_raising(self, event: str) -> frozenset[str]:
        """The systems whose services have an operation that raises this event."""
        versions = (version for service in self.services.values() for version in service.versions.values())
        return frozenset(
            version.system for version in versions for each in version.operations.values() if each.raises == event
        )
