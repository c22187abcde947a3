"""What can be known before the load: so far, everything that the hosts would be sent."""
