"""The demo: a small, real Django staging stack on this machine's loopback.

Nginx, Gunicorn with a Django shop, PostgreSQL, Redis and SSH, all in one temporary folder and on free high
ports, so that a cockpit (and a test) has something true to look at. `stack.DemoStack` is the way in.
"""
