"""A stage elsewhere: handed over to a worker of another pool, run in its own checkout, and what it made handed back."""
