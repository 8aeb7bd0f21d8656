"""The verbs of ``meridian``, one file per group."""
