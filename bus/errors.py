"""The bus's branch of the error tree, and the one table that says what each error means to everyone.

MeridianError
├── DocumentError …             (transformers/errors.py)
├── RegistryError …             (registry/errors.py)
└── BusError
    ├── Refused                 the caller may not
    │   ├── NotAuthenticated    no credential, a wrong one, a replayed one
    │   ├── NotPermitted        known, but no grant for this operation
    │   └── RateLimited         too many calls; carries ``retry_after`` seconds
    ├── NotFound                the caller asks for what is not there
    │   ├── UnknownService
    │   ├── UnknownVersion
    │   ├── UnknownOperation
    │   └── FaceNotOffered      exists, but not in this protocol
    ├── BadRequest              HTTP that no door can read: method, content type, length
    │   ├── HeadersTooLarge     too many headers, or one that is too long
    │   ├── MethodNotAllowed
    │   ├── ParameterInvalid    a field of the path, the query or a header is not of its type; carries every one
    │   ├── UnsupportedMedia
    │   ├── UnsupportedCoding   packed in a way that no door unpacks
    │   └── BodyTimeout         the body did not arrive in time
    ├── ProviderError           the other side; carries ``endpoint`` and whether a byte was ``sent``
    │   ├── ProviderUnreachable connection refused, reset before the reply, name unknown
    │   ├── ProviderTimeout     no complete answer before the deadline: the outcome is unknown
    │   ├── ProviderRefusedUs   401/403: the bus's own credential is wrong there
    │   ├── ProviderFault       it answered with a fault; carries the fault
    │   ├── ProviderUnavailable it answered 429, 502, 503 or 504; carries ``retry_after``
    │   ├── ProviderLied        its answer is not what it says: content type, encoding, well-formedness
    │   ├── ReplyTooLarge
    │   ├── CircuitOpen         the breaker is open: nothing was sent
    │   ├── PlannedDowntime     the system is down as announced: nothing was sent
    │   └── EndpointBusy        the concurrency limit and its queue are full: nothing was sent
    ├── OutcomeUnknown          a write was sent and its answer never seen; nobody knows whether it was done
    │   └── InDoubt             so is this one, and its provider can be asked
    ├── CallerGone              the caller hung up before its answer
    ├── OrderRefused            an operator's order that does not fit the workflow instance as it is
    ├── SettingsInvalid         a setting that cannot be used
    ├── SchemaMismatch          a store's tables are older or newer than this release
    └── Unavailable             the bus itself cannot keep its promises now
        ├── JournalUnavailable
        ├── StateUnavailable
        ├── BackboneUnavailable
        ├── BacklogFull         too much is accepted and not done, or too little disk or memory is left
        └── ShuttingDown
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from registry.errors import ManifestInvalid, RegistryError, RegistryUnavailable, RevisionUnknown
from transformers.errors import (
    AddressingInvalid,
    AnswerRefused,
    CharsetMismatch,
    ContractViolation,
    DocumentError,
    DocumentTooLarge,
    EnvelopeInvalid,
    HeaderNotUnderstood,
    MalformedDocument,
    MappingFailed,
    MeridianError,
    PackageInvalid,
    SecurityInvalid,
    TransformerInvalid,
    UnsafeDocument,
    VersionMismatch,
    VersionNotOffered,
    Violation,
)

#: What to do with a failed message. transient: try again later. permanent: the same bytes will fail again.
#: operator: something outside the message must be repaired first.
RetryClass = Literal["transient", "permanent", "operator"]


class BusError(MeridianError):
    """Something went wrong while a message was moved."""


class Refused(BusError):
    """The caller may not."""


class NotAuthenticated(Refused):
    """No credential, a wrong one, or one that was used before."""


class NotPermitted(Refused):
    """The caller is known and holds no grant for this operation."""


class RateLimited(Refused):
    """Too many calls; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(BusError):
    """The caller asks for what is not there."""


class UnknownService(NotFound):
    """No service of this name."""


class UnknownVersion(NotFound):
    """The service exists, this version of it does not."""


class UnknownOperation(NotFound):
    """The service exists, this operation of it does not."""


class FaceNotOffered(NotFound):
    """The service exists and is not offered in the caller's protocol."""


class BadRequest(BusError):
    """HTTP that no door can read."""


class HeadersTooLarge(BadRequest):
    """More headers than a door reads, or one that is longer (RFC 6585 §5)."""


class MethodNotAllowed(BadRequest):
    """This path does not answer this HTTP method; ``allowed`` names those it does."""

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class ParameterInvalid(BadRequest):
    """Fields of the path, the query or the headers are not what the contract says; ``violations`` names each."""

    def __init__(self, message: str, violations: tuple[Violation, ...]) -> None:
        super().__init__(message)
        self.violations = violations


class UnsupportedMedia(BadRequest):
    """A content type that this door does not read."""


class UnsupportedCoding(BadRequest):
    """A content coding that no door unpacks (RFC 9110 §12.5.3)."""


class BodyTimeout(BadRequest):
    """The request's body did not arrive in time."""


class ProviderError(BusError):
    """The other side. ``endpoint`` is its address without credentials; ``sent`` whether a byte may have left;
    ``http_status`` what it answered, 0 where it did not."""

    def __init__(self, message: str, *, endpoint: str = "", sent: bool = True, http_status: int = 0) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.sent = sent
        self.http_status = http_status


class ProviderUnreachable(ProviderError):
    """No connection, or one that broke before a whole reply."""


class ProviderTimeout(ProviderError):
    """No complete answer before the deadline: whether it was done is unknown."""


class ProviderRefusedUs(ProviderError):
    """401 or 403: the credential that the bus holds for this system is wrong."""


class ProviderFault(ProviderError):
    """The provider answered with a fault of its own: a SOAP fault or an HTTP error of the 4xx or 500 kind.

    ``code`` and ``reason`` are the provider's; ``detail`` is its SOAP detail element or JSON body, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        endpoint: str = "",
        http_status: int = 500,
        code: str = "",
        reason: str = "",
        detail: object = None,
    ) -> None:
        super().__init__(message, endpoint=endpoint, http_status=http_status)
        self.code = code
        self.reason = reason
        self.detail = detail


class ProviderUnavailable(ProviderError):
    """429, 502, 503 or 504; ``retry_after`` in seconds, 0 when it did not say."""

    def __init__(self, message: str, *, endpoint: str = "", retry_after: float = 0.0, http_status: int = 0) -> None:
        super().__init__(message, endpoint=endpoint, http_status=http_status)
        self.retry_after = retry_after


class ProviderLied(ProviderError):
    """Its answer is not what it claims to be: content type, charset, form, or contract (``violations``)."""

    def __init__(
        self, message: str, *, endpoint: str = "", sent: bool = True, violations: tuple[Violation, ...] = ()
    ) -> None:
        super().__init__(message, endpoint=endpoint, sent=sent)
        self.violations = violations


class ReplyTooLarge(ProviderError):
    """Its answer is over the size limit."""


class CircuitOpen(ProviderError):
    """The breaker is open; nothing was sent. ``retry_after`` in seconds."""

    def __init__(self, message: str, *, endpoint: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, endpoint=endpoint, sent=False)
        self.retry_after = retry_after


class PlannedDowntime(ProviderError):
    """The system has a downtime that was announced; nothing was sent. ``retry_after`` is in seconds, until its end."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message, sent=False)
        self.retry_after = retry_after


class EndpointBusy(ProviderError):
    """As many calls as the endpoint may carry are under way and waiting; nothing was sent."""

    def __init__(self, message: str, *, endpoint: str = "") -> None:
        super().__init__(message, endpoint=endpoint, sent=False)


class OutcomeUnknown(BusError):
    """A write was sent and the bus died, or was interrupted, before it saw the outcome."""


class InDoubt(OutcomeUnknown):
    """The outcome of a write is unknown and its operation names a query: ask, again later if need be."""


class CallerGone(BusError):
    """The caller hung up, or this process stopped, before there was an answer."""


class OrderRefused(BusError):
    """An operator's order that does not fit a workflow instance as it is; the message says why, and what would."""


class SettingsInvalid(BusError):
    """A setting that cannot be used; the message names its key and where it was read."""


class SchemaMismatch(BusError):
    """The tables of a store are at another revision than this release works with."""


class Unavailable(BusError):
    """The bus cannot keep its promises at this moment, so it makes none."""


class JournalUnavailable(Unavailable):
    """The journal cannot be written: the message is refused rather than carried unseen."""


class StateUnavailable(Unavailable):
    """The state store cannot be written."""


class BackboneUnavailable(Unavailable):
    """The broker cannot be reached."""


class BacklogFull(Unavailable):
    """As much as may wait is accepted and not done, or disk or memory run out; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ShuttingDown(Unavailable):
    """This process is draining."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one class of error means.

    ``code`` is stable and appears in the journal, the fault's subcode and the problem's type. ``status`` is
    HTTP (RFC 9110). ``side`` is whose doing it is, which gives the SOAP 1.1 faultcode Client or Server and
    the SOAP 1.2 code Sender or Receiver. ``title`` and ``hint`` (what the operator should do) are zh and en.
    """

    code: str
    status: int
    side: Literal["caller", "server", "version", "understand"]
    retry: RetryClass
    zh: str
    en: str
    hint_zh: str
    hint_en: str


_row = Meaning


# fmt: off
#: Every class of the tree, most specific class wins (``meaning``). A test proves that none is missing.
MEANINGS: dict[type[MeridianError], Meaning] = {
    MalformedDocument: _row("malformed", 400, "caller", "permanent", "报文格式不正确", "The document is not well-formed", "请调用方检查报文格式", "Ask the caller to check what it sends"),
    UnsafeDocument: _row("unsafe", 400, "caller", "permanent", "报文含有禁止的内容", "The document holds a forbidden construct", "疑似攻击或配置错误，请核查调用方", "Look at the caller: an attack or a misconfiguration"),
    DocumentTooLarge: _row("too-large", 413, "caller", "permanent", "报文过大", "The document is too large", "拆分报文，或为该操作提高上限", "Split it, or raise the limit for this operation"),
    CharsetMismatch: _row("charset", 400, "caller", "permanent", "无法识别报文编码", "The document's encoding cannot be read", "请调用方声明真实编码", "Ask the caller to declare its real encoding"),
    EnvelopeInvalid: _row("envelope", 400, "caller", "permanent", "不是有效的 SOAP 信封", "Not a usable SOAP envelope", "请调用方检查 SOAP 信封", "Ask the caller to check its SOAP envelope"),
    VersionNotOffered: _row("soap-version", 400, "version", "permanent", "SOAP 版本不符", "The SOAP version does not fit", "核对调用方的 SOAP 版本与 Content-Type", "Compare the caller's SOAP version with its content type"),
    VersionMismatch: _row("soap-version", 400, "version", "permanent", "SOAP 版本不符", "The SOAP version does not fit", "核对调用方的 SOAP 版本与 Content-Type", "Compare the caller's SOAP version with its content type"),
    PackageInvalid: _row("attachments", 400, "caller", "permanent", "附件报文不正确", "The attachments cannot be read", "请调用方检查 MTOM 或 SwA 报文的各部分", "Ask the caller to check the parts of its MTOM or SwA message"),
    HeaderNotUnderstood: _row("must-understand", 400, "understand", "permanent", "存在无法理解的必需 SOAP 头", "A mandatory SOAP header is not understood", "请调用方去掉该头或联系集成组", "Ask the caller to drop that header"),
    SecurityInvalid: _row("security", 401, "caller", "permanent", "WS-Security 校验未通过", "The WS-Security header does not hold", "核对调用方的证书、签名范围、加密与时钟", "Check the caller's certificate, what it signs and encrypts, and its clock"),
    AddressingInvalid: _row("addressing", 400, "caller", "permanent", "WS-Addressing 头无法遵从", "The WS-Addressing headers cannot be followed", "核对 ReplyTo 允许列表与消息头", "Check the headers, and the allow list for ReplyTo"),
    ContractViolation: _row("contract", 422, "caller", "permanent", "报文不符合契约", "The document breaks its contract", "对照列出的路径修正报文", "Correct the document at the paths listed"),
    MappingFailed: _row("mapping", 500, "server", "operator", "报文转换失败", "The document could not be mapped", "检查该操作的映射后重放", "Mend this operation's mapping, then replay"),
    AnswerRefused: _row("provider-fault", 502, "server", "permanent", "对方系统返回错误", "The provider answered with a fault", "查看对方返回的错误", "Read the provider's own fault"),
    TransformerInvalid: _row("transformer", 500, "server", "operator", "转换定义无法编译", "A mapping does not compile", "修正映射并重新发布", "Mend the mapping and apply it again"),
    DocumentError: _row("document", 400, "caller", "permanent", "报文无法使用", "The document cannot be used", "请调用方检查报文", "Ask the caller to check what it sends"),
    ManifestInvalid: _row("manifest", 422, "caller", "permanent", "清单有误", "The manifests have problems", "按文件与行号逐条修正", "Mend each problem at its file and line"),
    RevisionUnknown: _row("revision", 404, "caller", "permanent", "没有该修订版", "No such revision", "用 meridian get revisions 查看", "List them with meridian get revisions"),
    RegistryUnavailable: _row("registry", 503, "server", "transient", "注册库不可用", "The registry's store is unavailable", "检查注册库的磁盘或数据库", "Check the registry's disk or database"),
    RegistryError: _row("registry", 500, "server", "operator", "注册库出错", "The registry failed", "查看日志", "Look at the log"),
    NotAuthenticated: _row("not-authenticated", 401, "caller", "permanent", "未通过身份验证", "Not authenticated", "核对调用方凭据与时钟", "Check the caller's credential and its clock"),
    NotPermitted: _row("not-permitted", 403, "caller", "operator", "没有调用权限", "Not permitted", "如应允许，请添加授权", "Add a grant if this call should be allowed"),
    RateLimited: _row("rate-limited", 429, "caller", "transient", "调用过于频繁", "Too many calls", "调用方应放慢，或提高限额", "Let the caller slow down, or raise its rate"),
    Refused: _row("refused", 403, "caller", "permanent", "请求被拒绝", "Refused", "核对调用方", "Check the caller"),
    UnknownService: _row("unknown-service", 404, "caller", "permanent", "没有该服务", "No such service", "核对服务名，或先注册服务", "Check the name, or register the service"),
    UnknownVersion: _row("unknown-version", 404, "caller", "permanent", "没有该服务版本", "No such version of the service", "核对版本号", "Check the version"),
    UnknownOperation: _row("unknown-operation", 404, "caller", "permanent", "没有该操作", "No such operation", "核对操作名或 SOAPAction", "Check the operation's name or SOAPAction"),
    FaceNotOffered: _row("face-not-offered", 404, "caller", "permanent", "该服务不提供此协议", "The service is not offered in this protocol", "改用已提供的协议，或在清单中开放", "Use a protocol it offers, or open this one in its manifest"),
    NotFound: _row("not-found", 404, "caller", "permanent", "不存在", "Not found", "核对地址", "Check the address"),
    MethodNotAllowed: _row("method", 405, "caller", "permanent", "不支持的 HTTP 方法", "This HTTP method is not allowed here", "核对 HTTP 方法", "Check the HTTP method"),
    UnsupportedCoding: _row("content-coding", 415, "caller", "permanent", "不支持的压缩方式", "This content coding is not read here", "不压缩，或改用 gzip", "Send it plain, or packed with gzip"),
    HeadersTooLarge: _row("headers-too-large", 431, "caller", "permanent", "请求头过多或过长", "The request has too many headers, or one that is too long", "请调用方减少或缩短请求头", "Ask the caller to send fewer or shorter headers"),
    UnsupportedMedia: _row("media-type", 415, "caller", "permanent", "不支持的内容类型", "This content type is not read here", "核对 Content-Type", "Check the content type"),
    ParameterInvalid: _row("parameter", 400, "caller", "permanent", "地址或头中的参数不符合契约", "A parameter breaks its contract", "对照所列字段修正参数", "Correct the fields listed"),
    BodyTimeout: _row("body-timeout", 408, "caller", "transient", "请求体未在时限内到达", "The body did not arrive in time", "检查调用方网络", "Check the caller's network"),
    BadRequest: _row("bad-request", 400, "caller", "permanent", "无法读取的请求", "The request cannot be read", "请调用方检查请求", "Ask the caller to check its request"),
    ProviderUnreachable: _row("provider-unreachable", 502, "server", "transient", "对方系统无法连接", "The provider cannot be reached", "检查对方系统与网络", "Check that system and the network"),
    ProviderTimeout: _row("provider-timeout", 504, "server", "transient", "对方系统未在时限内应答", "The provider did not answer in time", "结果未知：先核对对方是否已处理", "The outcome is unknown: see whether it was done"),
    ProviderRefusedUs: _row("provider-refused-us", 502, "server", "operator", "对方系统拒绝了总线的凭据", "The provider refused the bus's credential", "更新该服务的凭据", "Renew the credential of this service"),
    ProviderFault: _row("provider-fault", 502, "server", "permanent", "对方系统返回错误", "The provider answered with a fault", "查看对方返回的错误", "Read the provider's own fault"),
    ProviderUnavailable: _row("provider-unavailable", 503, "server", "transient", "对方系统暂不可用", "The provider is unavailable for now", "等待恢复或联系对方", "Wait, or call its owner"),
    ProviderLied: _row("provider-lied", 502, "server", "operator", "对方应答与其声明不符", "The provider's answer is not what it claims to be", "联系对方核查应答格式", "Ask its owner to check what it answers"),
    ReplyTooLarge: _row("reply-too-large", 502, "server", "permanent", "对方应答过大", "The provider's answer is too large", "缩小查询范围，或提高上限", "Narrow the question, or raise the limit"),
    CircuitOpen: _row("circuit-open", 503, "server", "transient", "对方系统已熔断", "The provider's circuit is open", "对方恢复后自动闭合", "It closes by itself once the provider answers"),
    PlannedDowntime: _row("planned-downtime", 503, "server", "transient", "对方系统计划停机", "The system is down as planned", "停机结束后重试；异步消息会自动补发", "Try again when it is over; accepted messages go by themselves"),
    EndpointBusy: _row("endpoint-busy", 503, "server", "transient", "对方系统并发已满", "The provider is busy", "等待，或提高并发上限", "Wait, or raise the concurrency limit"),
    ProviderError: _row("provider", 502, "server", "transient", "对方系统出错", "The provider failed", "检查对方系统", "Check that system"),
    InDoubt: _row("outcome-unknown", 500, "server", "transient", "结果待核实", "The outcome is being asked for", "总线会再次查询；多次无果后请人工核对", "The bus asks again; reconcile by hand when it gives up"),
    OutcomeUnknown: _row("outcome-unknown", 500, "server", "operator", "结果未知", "The outcome is unknown", "与对方核对后再决定", "Reconcile with the provider, then decide"),
    CallerGone: _row("caller-gone", 499, "caller", "permanent", "调用方已断开", "The caller hung up", "检查调用方的超时设置", "Check the caller's own timeout"),
    OrderRefused: _row("order-refused", 409, "caller", "permanent", "指令不适用于该流程实例", "The order does not fit the workflow instance", "查看实例当前允许的指令", "Look at what the instance allows now"),
    SettingsInvalid: _row("settings", 500, "server", "operator", "配置项有误", "A setting cannot be used", "修正所列配置项后重启", "Correct the setting named, then restart"),
    SchemaMismatch: _row("schema", 500, "server", "operator", "数据表版本不符", "The tables are of another release", "运行 meridian migrate", "Run meridian migrate"),
    JournalUnavailable: _row("journal-unavailable", 503, "server", "transient", "日志库不可写", "The journal cannot be written", "检查磁盘空间或数据库", "Check the disk or the database"),
    StateUnavailable: _row("state-unavailable", 503, "server", "transient", "状态库不可写", "The state store cannot be written", "检查磁盘空间或数据库", "Check the disk or the database"),
    BackboneUnavailable: _row("backbone-unavailable", 503, "server", "transient", "消息骨干不可用", "The backbone is unavailable", "检查 RabbitMQ", "Check RabbitMQ"),
    BacklogFull: _row("backlog-full", 503, "server", "transient", "总线积压已满，暂不接收", "The bus holds too much to take more", "查看 /readyz 列出的原因：积压、磁盘或内存", "Look at /readyz for the cause: the backlog, the disk or the memory"),
    ShuttingDown: _row("shutting-down", 503, "server", "transient", "正在停机", "Shutting down", "稍后重试", "Try again shortly"),
    Unavailable: _row("unavailable", 503, "server", "transient", "总线暂不可用", "The bus is unavailable", "查看 /readyz", "Look at /readyz"),
    BusError: _row("internal", 500, "server", "operator", "总线内部错误", "The bus failed", "按消息号查日志", "Look up the message id in the log"),
    MeridianError: _row("internal", 500, "server", "operator", "总线内部错误", "The bus failed", "按消息号查日志", "Look up the message id in the log"),
}
# fmt: on


def meaning(error: BaseException) -> Meaning:
    """Answer what an error means; anything outside the tree means an internal failure."""
    for kind in type(error).__mro__:
        row = MEANINGS.get(kind)
        if row is not None:
            return row
    return MEANINGS[MeridianError]
