"""Django's own commands, done our way; what people type is in `site/cli`."""
