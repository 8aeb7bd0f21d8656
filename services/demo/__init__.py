"""``meridian demo``: the whole hospital on one machine, started, driven, counted and stopped."""

from services.demo.command import demo

__all__ = ["demo"]
