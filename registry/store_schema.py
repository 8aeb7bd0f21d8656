"""The registry's tables: contents once by hash, revisions as lists of names, one row that says which is active."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

blob = Table(
    "registry_blob",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

revision = Table(
    "registry_revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("restores", Integer, nullable=True),
)

entry = Table(
    "registry_file",
    metadata,
    Column("revision", ForeignKey("registry_revision.number"), primary_key=True),
    Column("name", String(1024), primary_key=True),
    Column("hash", ForeignKey("registry_blob.hash"), nullable=False),
)

#: One row with ``id`` 1. Writers lock it, so revisions are numbered without gaps or doubles.
active = Table(
    "registry_active",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
)
