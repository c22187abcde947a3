"""What is wrong with a page when the demo was started with a fault; otherwise nothing."""

import time

from django.conf import settings
from django.core.cache import cache
from django.db import connection

SLOW_SECONDS = 1.2
HANG_EVERY = 8
HANG_SECONDS = 60


def befall():
    """Be slow, or hang until Gunicorn kills this worker, if one of these faults is wanted."""
    if "slow-endpoint" in settings.FAULTS:
        wait_in_a_query(SLOW_SECONDS)
    # The first one to come after a while hangs: to add what is there already does not work.
    if "worker-timeouts" in settings.FAULTS and cache.add("hung", True, HANG_EVERY):
        wait_in_a_query(HANG_SECONDS)


def wait_in_a_query(seconds):
    """Wait for the database, as for a lock or a slow disk; SQLite cannot, so it is waited for here."""
    if connection.vendor != "postgresql":
        time.sleep(seconds)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
