"""The append-only record of every message and hop."""
