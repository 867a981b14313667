"""Clock, ids, errors, tenant scope, SQL loader, safe HTTP client and the embedded database."""
