"""The steps of mediation, one file each. Their order stands in ``bus/pipeline.py``."""
