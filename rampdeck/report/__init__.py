"""A session read back: its result again, and whether it is what the run left."""
