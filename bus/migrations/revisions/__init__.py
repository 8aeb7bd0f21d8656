"""One file a revision, each with the way there and the way back; ``bus/migrations/chain.py`` walks them."""
