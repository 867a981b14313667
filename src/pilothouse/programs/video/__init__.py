"""Enterprise batches of videos against hidden providers."""
