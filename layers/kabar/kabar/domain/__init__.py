"""The product's rules as pure functions: no AWS, clock, environment or randomness (all are arguments)."""
