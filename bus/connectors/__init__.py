"""The doors out: one port, one file per protocol."""
