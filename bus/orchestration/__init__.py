"""Long-running workflows over several systems: definitions are data, the engine is a state machine."""
