"""What pika and the broker report, in one line that names the setting and says what to do. Never the password."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from pika.exceptions import (
    ChannelClosedByBroker,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from bus.backbone.broker_address import BrokerAddress, Node
from bus.errors import BackboneUnavailable, SettingsInvalid
from transformers.errors import MeridianError

_REFUSED = 403


def explain(error: BaseException, address: BrokerAddress, node: Node) -> MeridianError:
    """SettingsInvalid for what waiting does not heal, BackboneUnavailable for a broker that is away."""
    at = f"RabbitMQ at {node}"
    for cause in _causes(error):
        if isinstance(cause, ProbableAuthenticationError):
            return SettingsInvalid(
                f"broker: {at} refuses the user {address.user!r} or its password; correct them in this setting, "
                "or on the broker (rabbitmqctl change_password)"
            )
        if isinstance(cause, ProbableAccessDeniedError):
            return SettingsInvalid(_no_access(str(cause), address, at))
        if isinstance(cause, ChannelClosedByBroker) and cause.reply_code == _REFUSED:
            return SettingsInvalid(
                f"broker: {at} does not let the user {address.user!r} configure, write and read meridian.* "
                f"in the vhost {address.vhost!r}; grant it (rabbitmqctl set_permissions)"
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SettingsInvalid(_not_trusted(cause, address, node, at))
        if isinstance(cause, ssl.SSLError):
            return SettingsInvalid(_no_tls(cause, at))
        if isinstance(cause, socket.gaierror):
            return BackboneUnavailable(f"broker: the host name {node.host!r} is not known here; check it, or the DNS")
        if isinstance(cause, ConnectionRefusedError):
            return BackboneUnavailable(
                f"broker: {at} cannot be reached: the port is closed; start it, or correct the port"
            )
        if isinstance(cause, IncompatibleProtocolError):
            tls = "; if that port speaks TLS, write amqps://" if address.tls is None else ""
            return SettingsInvalid(f"broker: {at} hangs up on AMQP 0-9-1; check that the port is RabbitMQ's{tls}")
    return BackboneUnavailable(f"broker: {at} cannot be reached ({words(error)})")


def words(error: BaseException) -> str:
    """The kind of an error and the broker's own words, which hold names of queues but no content."""
    text = getattr(error, "reply_text", "")
    last = next(reversed(list(_causes(error))))
    return f"{type(error).__name__} {text}".strip() if text or last is error else type(last).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that pika has wrapped in it, outermost first."""
    yield error
    inner = [*getattr(error, "exceptions", ()), getattr(error, "exception", None), *error.args, error.__cause__]
    for one in inner:
        if isinstance(one, BaseException):
            yield from _causes(one)


def _no_access(told: str, address: BrokerAddress, at: str) -> str:
    if "not found" in told:
        return (
            f"broker: {at} has no vhost {address.vhost!r}; correct this setting, "
            f"or make it (rabbitmqctl add_vhost, set_permissions)"
        )
    return (
        f"broker: {at} does not let the user {address.user!r} into the vhost {address.vhost!r}; correct this setting, "
        "or grant it (rabbitmqctl set_permissions)"
    )


def _not_trusted(error: ssl.SSLCertVerificationError, address: BrokerAddress, node: Node, at: str) -> str:
    if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        name = address.tls.server_name if address.tls is not None and address.tls.server_name else node.host
        return f"broker_server_name: the certificate of {at} is not for {name!r}; set the name that it bears"
    return f"broker_ca: the certificate of {at} is not trusted ({error.verify_message}); set the CA that issued it"


def _no_tls(error: ssl.SSLError, at: str) -> str:
    if error.reason in ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE"):
        return f"broker: is amqps://, but {at} does not speak TLS on that port; write amqp://, or the port of its TLS"
    return (
        f"broker: TLS with {at} fails ({error.reason or 'no reason given'}); "
        "if it asks for a client certificate, set broker_certificate and broker_key"
    )
