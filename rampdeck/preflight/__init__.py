"""What must be known before the load: is it the right stack, and nothing else?"""
