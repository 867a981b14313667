-- When this house first looked at itself; runs are kept far longer than any bound that is compared with this.
SELECT at FROM check_run ORDER BY id LIMIT 1
