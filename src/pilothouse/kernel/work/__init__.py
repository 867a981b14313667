"""Due rows: claim, lease, fencing token, backoff, breaker; coarse jobs."""
