"""Finding a stack by itself: which servers run on its hosts, where they write, what the application uses.

A host is looked at by one command that only reads, and by two first words to
its database and its cache: do they let us in without a password? What is found
becomes the tables of a ``rampdeck.toml``; what is not is told with what to do.
"""
