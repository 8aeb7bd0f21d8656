"""The bus seen from outside: one call of an operation over HTTP, and how other languages make the same call."""
