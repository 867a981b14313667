"""The kernel's rooms; each imports only rooms further down the list in docs/architecture.md."""
