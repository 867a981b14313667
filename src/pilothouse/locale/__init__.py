"""What the house says in other languages, and how each writes dates and numbers."""
