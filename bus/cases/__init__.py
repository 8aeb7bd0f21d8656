"""Saved cases: what goes into an operation and what must come out, as YAML beside the manifest."""
