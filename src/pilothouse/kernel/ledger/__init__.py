"""Accounts, journals, transfers, statements, reconciliation and seals."""
