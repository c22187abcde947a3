"""The dashboard and the dialogs."""
