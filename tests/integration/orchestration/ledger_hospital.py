"""A hospital for the tests of orchestration: systems that keep a ledger on disk and misbehave as told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import yaml

from bus.errors import CircuitOpen, ProviderFault, ProviderTimeout
from bus.message import Message
from registry.model import Call, Operation, Policy, Service, ServiceVersion, Snapshot
from registry.workflow import link, parse_workflow
from transformers.document import Json

#: operation → (effect, idempotent)
OPERATIONS = {
    "his.Register": ("write", False),
    "his.CancelRegistration": ("write", True),
    "emr.GetPatient": ("read", False),
    "lis.PlaceOrder": ("write", True),
    "lis.CancelOrder": ("write", True),
    "pacs.Schedule": ("write", False),
    "pacs.Unschedule": ("write", True),
    "insurance.Settle": ("write", False),
    "insurance.Reverse": ("write", True),
    "insurance.Refund": ("write", True),
    "pharmacy.Dispense": ("write", False),
    "pharmacy.Return": ("write", True),
}

VISIT = """
name: visit
version: "1"
keys: {visit_no: .vars.registration.visit_no, patient_id: .input.patient_id}
steps:
  - call: his.Register
    with: '{patient_id: .input.patient_id, key}'
    save: registration
    undo: {call: his.CancelRegistration, with: '{undoes: .attempt_key}'}
  - call: emr.GetPatient
    save: patient
  - parallel:
    - - call: lis.PlaceOrder
        save: lab
        retry: {attempts: 6, first: 0.01, max: 0.05}
        undo: {call: lis.CancelOrder, with: '{undoes: .attempt_key}', retry: {attempts: 10, first: 0.01, max: 0.05}}
      - wait: lab.resulted
        match: {visit_no: .vars.registration.visit_no}
        save: lab_result
        deadline: 30
    - - call: pacs.Schedule
        when: .input.imaging
        retry: {attempts: 6, first: 0.01, max: 0.05}
        undo: {call: pacs.Unschedule, with: '{undoes: .attempt_key}'}
  - run: billing
  - choose:
    - when: .input.drugs > 0
      steps:
        - call: pharmacy.Dispense
          undo: {call: pharmacy.Return, with: '{undoes: .attempt_key}'}
    - steps:
        - set: {nothing_dispensed: 'true'}
"""

BILLING = """
name: billing
version: "1"
steps:
  - set: {total: .input.amount}
  - call: insurance.Settle
    with: '{amount: .vars.total, msgid: .key}'
    save: settlement
    retry: {attempts: 6, first: 0.01, max: 0.05}
    unknown:
      call: insurance.Reverse
      with: '{undoes: .attempt_key}'
      then: retry
      retry: {attempts: 10, first: 0.01, max: 0.05}
    undo: {call: insurance.Refund, with: '{undoes: .attempt_key}', retry: {attempts: 10, first: 0.01, max: 0.05}}
"""


def snapshot(*workflows: str) -> Snapshot:
    """The hospital's operations, and these workflows (default: visit and billing)."""
    services: dict[str, Service] = {}
    names = {name.partition(".")[0] for name in OPERATIONS}
    for service in names:
        operations = {
            name.partition(".")[2]: _operation(service, name.partition(".")[2], effect, idempotent)
            for name, (effect, idempotent) in OPERATIONS.items()
            if name.startswith(f"{service}.")
        }
        version = ServiceVersion(service, "1", service, {}, frozenset(), None, operations, {}, {}, ())
        services[service] = Service(service, "1", {"1": version})
    parsed = [parse_workflow(yaml.safe_load(text)) for text in workflows or (VISIT, BILLING)]
    return Snapshot(revision=1, services=services, workflows=link({each.name: each for each in parsed}))


def _operation(service: str, name: str, effect: str, idempotent: bool) -> Operation:
    policy = Policy(idempotent=idempotent)
    return Operation(service, "1", name, {}, effect, "sync", "json", policy, Call())  # type: ignore[arg-type]


@dataclass(frozen=True)
class Source:
    """A registry that never changes."""

    snapshot: Snapshot


class Ledger:
    """What the systems have done, on disk before anybody is told: it survives any death of the bus."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE IF NOT EXISTS arrival (operation TEXT, key TEXT)")
            database.execute(
                "CREATE TABLE IF NOT EXISTS done (number INTEGER PRIMARY KEY, operation TEXT, key TEXT, document BLOB)"
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            database.execute("PRAGMA synchronous=OFF")  # processes are killed here, not the machine
            yield database
        finally:
            database.close()

    def arrive(self, operation: str, key: str) -> int:
        """Note a call; answer how many of this operation came before."""
        with self._open() as database:
            count = database.execute("SELECT count(*) FROM arrival WHERE operation = ?", (operation,)).fetchone()[0]
            database.execute("INSERT INTO arrival VALUES (?, ?)", (operation, key))
            return int(count)

    def do(self, operation: str, key: str, document: Json, *, idempotent: bool) -> int:
        """Do it; an idempotent operation does it once a key. Answer its number."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            found = database.execute(
                "SELECT number FROM done WHERE operation = ? AND key = ?", (operation, key)
            ).fetchone()
            if found is None or not idempotent:
                row = (operation, key, orjson.dumps(document))
                number = database.execute("INSERT INTO done (operation, key, document) VALUES (?, ?, ?)", row).lastrowid
            else:
                number = found[0]
            database.execute("COMMIT")
            return int(number or 0)

    def done(self, operation: str = "") -> list[tuple[str, str, dict[str, Any]]]:
        """(operation, key, document) in the order done."""
        with self._open() as database:
            rows = database.execute("SELECT operation, key, document FROM done ORDER BY number").fetchall()
        return [(op, key, orjson.loads(doc)) for op, key, doc in rows if operation in ("", op)]

    def arrivals(self, operation: str) -> list[str]:
        """The idempotency keys of the calls of this operation, in order."""
        with self._open() as database:
            rows = database.execute("SELECT key FROM arrival WHERE operation = ? ORDER BY rowid", (operation,))
            return [key for (key,) in rows]

    def standing(self, operation: str, *undoing: str) -> list[str]:
        """The keys of what was done and neither cancelled nor reversed."""
        undone = {document["undoes"] for name, _, document in self.done() if name in undoing}
        return [key for _, key, _ in self.done(operation) if key not in undone]

    def repeated(self) -> list[tuple[str, str]]:
        """Writes done more than once under one idempotency key: there must be none."""
        counts = Counter((name, key) for name, key, _ in self.done() if OPERATIONS[name][0] == "write")
        return [what for what, count in counts.items() if count > 1]


@dataclass
class Hospital:
    """Calls operations as the pipeline would.

    ``script`` says per operation what its first, second … call does: ok, transient (refused before anything
    was sent), permanent (a fault), lost (sent, never done, no answer), late (done, no answer), crash.
    """

    ledger: Ledger
    script: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pause: float = 0.0
    delivered: list[str] = field(default_factory=list)

    async def call_operation(
        self,
        operation: str,
        document: Json,
        *,
        flow: str,
        parent: str,
        keys: tuple[tuple[str, str], ...],
        idempotency_key: str,
    ) -> Json:
        number = self.ledger.arrive(operation, idempotency_key)
        behaviour = self._behaviour(operation, number, idempotency_key)
        await asyncio.sleep(self.pause)
        match behaviour:
            case "transient":
                raise CircuitOpen("the breaker is open")
            case "permanent":
                raise ProviderFault("the provider refused", code="refused")
            case "lost":
                raise ProviderTimeout("no answer in time")
            case "crash":
                raise RuntimeError("a fault of our own")
        done = self.ledger.do(operation, idempotency_key, document, idempotent=OPERATIONS[operation][1])
        await asyncio.sleep(self.pause)
        if behaviour == "late":
            raise ProviderTimeout("no answer in time")
        return {"number": done, "visit_no": f"V{parent}"}

    def _behaviour(self, operation: str, number: int, key: str) -> str:
        told = self.script.get(operation, ())
        return told[number] if number < len(told) else "ok"

    async def deliver(self, message: Message) -> Message:
        self.delivered.append(message.id)
        return message
