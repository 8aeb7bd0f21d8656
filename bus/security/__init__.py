"""Who calls, what they may call, and which fields they may see."""
