"""The letters on the queues ``engine`` and ``calls``, written and read in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from bus.backbone.topology import CALLS, ENGINE, SYSTEM
from bus.message import new_id
from bus.orchestration.stimuli import CallFailure, CallOut, Event, Result, Stimulus, Timer
from bus.ports import Letter
from transformers.document import Json
from transformers.errors import MalformedDocument

Keys = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StartLetter:
    """Start ``workflow`` with ``input``; the instance's id is that of the message that asked for it."""

    id: str
    workflow: str
    input: Json
    flow: str
    message_id: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class EventLetter:
    """The event ``name`` has happened."""

    id: str
    name: str
    data: Json
    flow: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class MoveLetter:
    """A stimulus for an instance that exists."""

    instance: str
    stimulus: Stimulus


@dataclass(frozen=True, slots=True)
class CallLetter:
    """A call that a step asks for. ``settles``: the step itself says what is done about an unknown outcome."""

    instance: str
    token: str
    step: str
    phase: str
    attempt: int
    operation: str
    document: Json
    idempotency_key: str
    flow: str
    keys: Keys
    settles: bool = False


def read_engine_letter(letter: Letter) -> StartLetter | EventLetter | MoveLetter:
    """Read a letter of the queue ``engine``. Raises MalformedDocument."""
    try:
        body: dict[str, Any] = orjson.loads(letter.body)
        match body["kind"]:
            case "start":
                message = str(body.get("message_id") or letter.id)
                flow, keys = str(body.get("flow", "")), _keys(body)
                return StartLetter(message, body["workflow"], body["input"], flow, message, keys)
            case "event":
                message = str(body.get("message_id") or letter.id)
                return EventLetter(message, body["name"], body["data"], str(body.get("flow", "")), _keys(body))
            case _:
                return MoveLetter(body["instance"], _stimulus(body))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise MalformedDocument(f"letter {letter.id} on {letter.queue} is not one of orchestration's") from error


def _stimulus(body: dict[str, Any]) -> Stimulus:
    match body["kind"]:
        case "result":
            failure = None if body["ok"] else CallFailure(**body["error"])
            return Result(body["token"], body["step"], int(body["attempt"]), body.get("document"), failure)
        case "taken":
            return Event(body["token"], body["data"])
        case "timer":
            return Timer(body["token"], body["timer"], float(body["due_at"]))
        case kind:
            raise ValueError(f"unknown kind {kind!r}")


def read_call_letter(letter: Letter) -> CallLetter:
    """Read a letter of the queue ``calls``. Raises MalformedDocument."""
    try:
        body: dict[str, Any] = orjson.loads(letter.body)
        return CallLetter(**{**body, "keys": _keys(body)})
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise MalformedDocument(f"letter {letter.id} on {letter.queue} is not a call") from error


def start_letter(
    workflow: str, document: Json, *, message_id: str, flow: str, keys: Sequence[tuple[str, str]] = ()
) -> Letter:
    """A letter that starts a workflow; sent twice with one message id, it starts one."""
    body = {"kind": "start", "workflow": workflow, "input": document, "flow": flow}
    return _letter(ENGINE, {**body, "message_id": message_id, "keys": keys}, f"start-{message_id}")


def event_letter(
    name: str, data: Json, *, message_id: str, flow: str = "", keys: Sequence[tuple[str, str]] = ()
) -> Letter:
    """A letter that raises an event; sent twice with one message id, it raises one."""
    body = {"kind": "event", "name": name, "data": data, "flow": flow}
    return _letter(ENGINE, {**body, "message_id": message_id, "keys": keys}, f"event-{message_id}")


def call_letter(
    instance: str, call: CallOut, *, flow: str, keys: Sequence[tuple[str, str]], system: str = ""
) -> Letter:
    """The letter that has a step's call made; ``system`` is whom it goes to."""
    body = asdict(call)
    body["idempotency_key"] = body.pop("key")
    letter = _letter(CALLS, {**body, "instance": instance, "flow": flow, "keys": keys})
    return replace(letter, headers={SYSTEM: system}) if system else letter


def result_letter(call: CallLetter, *, document: Json = None, failure: CallFailure | None = None) -> Letter:
    """The letter that tells the engine how a call ended."""
    body: dict[str, Any] = {"kind": "result", "instance": call.instance, "token": call.token, "step": call.step}
    body |= {"attempt": call.attempt, "ok": failure is None}
    body |= {"document": document} if failure is None else {"error": asdict(failure)}
    return _letter(ENGINE, body)


def taken_letter(instance: str, token: str, data: Json) -> Letter:
    """The letter that hands an event to the token it was matched with."""
    return _letter(ENGINE, {"kind": "taken", "instance": instance, "token": token, "data": data})


def timer_letter(instance: str, timer: Timer) -> Letter:
    """The letter that wakes a token."""
    body = {"kind": "timer", "instance": instance, "token": timer.token, "timer": timer.kind, "due_at": timer.due_at}
    return _letter(ENGINE, body)


def _letter(queue: str, body: dict[str, Any], letter_id: str = "") -> Letter:
    return Letter(letter_id or new_id(), queue, orjson.dumps(body))


def _keys(body: dict[str, Any]) -> Keys:
    return tuple((str(name), str(value)) for name, value in body.get("keys") or ())
