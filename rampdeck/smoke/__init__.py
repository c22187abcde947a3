"""``rampdeck smoke``: is one endpoint there, and how quick? No release evidence, and it says so."""
