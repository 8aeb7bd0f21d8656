"""Document in, document out: the ground floor. Pure functions and values; no IO, no messages, no services."""
