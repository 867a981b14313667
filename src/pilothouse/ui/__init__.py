"""Base templates, components, styles and charts."""
