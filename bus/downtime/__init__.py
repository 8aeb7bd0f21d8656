"""Planned downtime of a system: its letters are held, its callers get a fallback, and afterwards its backlog drains."""
