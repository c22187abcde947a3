"""Locust inside: loading a scenario, driving its users, recording their requests.

With :mod:`rampdeck.loop` the only code that knows Locust and gevent.
"""
