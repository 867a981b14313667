"""Uploads checked by content, storage backends, signed links."""
