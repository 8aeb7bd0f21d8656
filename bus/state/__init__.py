"""Mutable state in one store, so that what a letter changes, records and causes commits together or not at all."""
