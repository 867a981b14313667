"""A row, then send: webhooks, mail and chat."""
