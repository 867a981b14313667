SELECT DISTINCT code FROM claim_line ORDER BY code LIMIT %(count)s
