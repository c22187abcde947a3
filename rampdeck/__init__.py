"""Rampdeck: the flight deck for a load test."""

__version__ = "0.1.0"
