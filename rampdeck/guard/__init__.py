"""What keeps a mistake from becoming an incident: where the load may go, how much of it, and until when."""
