"""Fixtures of the whole suite."""

from __future__ import annotations

from postgres import postgres_database, postgres_url
from rabbitmq import rabbitmq_cluster, rabbitmq_node, rabbitmq_url

__all__ = ["postgres_database", "postgres_url", "rabbitmq_cluster", "rabbitmq_node", "rabbitmq_url"]
