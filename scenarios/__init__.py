"""Scenarios for Locust, loaded by path like any locustfile and imported by nobody.

``rampdeck run -f scenarios/shop.py`` and plain ``locust -f scenarios/shop.py`` run the same file.
"""
