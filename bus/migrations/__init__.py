"""The tables of an installation through time: one chain of revisions for all its stores."""
