"""Load in several processes, here and on other hosts: a cockpit's crew, and one of its hands."""
