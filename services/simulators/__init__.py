"""The systems of a hospital as separate processes with ledgers of their own, so that nothing is taken on trust."""
