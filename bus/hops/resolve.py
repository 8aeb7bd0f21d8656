"""Which service, version and operation the caller means."""

from __future__ import annotations

from msgspec.structs import replace

from bus.errors import UnknownOperation, UnknownService, UnknownVersion
from bus.hops.hip_target import hip_target, is_hip
from bus.hops.rest_target import rest_target
from bus.hops.soap_target import soap_target
from bus.hops.suggest import missing
from bus.message import Message
from bus.ports import Next, Ports
from registry.model import ServiceVersion, Snapshot


async def resolve(message: Message, onward: Next, ports: Ports) -> Message:
    """Find the operation in the current snapshot, and merge the fields of a REST path and query into the document.

    Raises UnknownService, UnknownVersion, UnknownOperation, FaceNotOffered, VersionNotOffered, MethodNotAllowed,
    BadRequest (contradictions), EnvelopeInvalid or HeaderNotUnderstood.
    """
    target = message.target
    version = find_version(ports.registry.snapshot, target.service, target.version)
    if version.hip is not None and is_hip(message):
        return await onward(hip_target(message, version, version.hip, ports.registry.snapshot))
    if message.door == "soap":
        return await onward(soap_target(message, version))
    if message.door == "rest":
        return await onward(rest_target(message, version))
    operation = version.operations.get(target.operation)
    if operation is None:
        raise UnknownOperation(missing(f"operation of {version.service}", target.operation, version.operations))
    return await onward(replace(message, version=version, operation=operation))


def find_version(snapshot: Snapshot, name: str, wanted: str) -> ServiceVersion:
    """The version that two names mean (none: the default version). Raises UnknownService or UnknownVersion."""
    service = snapshot.services.get(name)
    if service is None:
        raise UnknownService(missing("service", name, snapshot.services))
    version = service.versions.get(wanted or service.default)
    if version is None:
        raise UnknownVersion(missing(f"version of service {name}", wanted, service.versions))
    return version
