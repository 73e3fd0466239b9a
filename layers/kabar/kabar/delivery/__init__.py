"""Telling the customer's systems: one attempt, the first attempts of a batch, and what is tried again."""
