"""Money in and out of the world: incoming payments, card checkouts, bank accounts of people, and payouts to them."""
