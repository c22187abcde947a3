"""The run without a screen, and the documents that a run leaves beside its record."""
