"""The definitions that instances were started with, kept in the state store and compiled once per process."""

from __future__ import annotations

from functools import lru_cache

import orjson
from sqlalchemy import Connection, select

from bus.backbone.tables import insert_into
from bus.orchestration.program import Program, compile_program
from bus.orchestration.tables import workflow_definition
from registry.workflow import LinkedWorkflow, load_linked


class Programs:
    """Compiled definitions by their hash."""

    def __init__(self) -> None:
        self._compile = lru_cache(maxsize=256)(_compile)

    def keep(self, connection: Connection, workflow: LinkedWorkflow, now: float) -> Program:
        """Inside a work: store a released definition, so that instances can stay on it; answer its program."""
        raw = orjson.dumps(workflow.raw)
        row = {"hash": workflow.hash, "name": workflow.name, "version": workflow.version, "json": raw}
        fresh = insert_into(connection, workflow_definition).values(**row, created_at=now)
        connection.execute(fresh.on_conflict_do_nothing())
        return self._compile(workflow.hash, raw)

    def of(self, workflow: LinkedWorkflow) -> Program:
        """The program of a released definition, which need not be stored."""
        return self._compile(workflow.hash, orjson.dumps(workflow.raw))

    def stored(self, connection: Connection, definition_hash: str) -> Program:
        """Inside a work or a read: the program of a stored definition. Raises sqlalchemy's NoResultFound."""
        wanted = select(workflow_definition.c.json).where(workflow_definition.c.hash == definition_hash)
        return self._compile(definition_hash, bytes(connection.execute(wanted).scalar_one()))


def _compile(definition_hash: str, raw: bytes) -> Program:
    return compile_program(load_linked(orjson.loads(raw)))
