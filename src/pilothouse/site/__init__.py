"""The Django project: settings, urls, process tree and command line."""
