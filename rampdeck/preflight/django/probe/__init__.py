"""What runs on the host, in the application's own Python: its modules are sent as one text.

It has to do with Python 3.8, the standard library and the application's Django
(3.2 and later). It writes nothing there, changes nothing in a database, and lets
no secret go (:mod:`.masking`). One line of JSON is all that it says.
"""
