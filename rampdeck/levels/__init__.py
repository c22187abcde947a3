"""Load levels: how they come about (plan, auto-step) and what they say together (knee, capacity)."""
