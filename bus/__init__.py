"""Moves messages between systems. Start reading at ``bus/pipeline.py``."""
