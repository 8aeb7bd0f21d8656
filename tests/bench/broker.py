"""A RabbitMQ node of the benchmark's own, as the tests have one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The tests' own pieces import each other as pytest lets them: from the folder of the tests.
sys.path.append(str(Path(__file__).parent.parent))

from rabbitmq import RabbitNode


@contextmanager
def node() -> Iterator[RabbitNode]:
    """Start a node; end it. Without RabbitMQ the benchmark ends with a word of advice."""
    try:
        broker = RabbitNode()
    except FileNotFoundError:
        raise SystemExit("RabbitMQ is not installed (Debian: rabbitmq-server)") from None
    with broker:
        yield broker
