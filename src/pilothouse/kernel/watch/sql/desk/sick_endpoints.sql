SELECT e.public_id, e.url, e.state, e.failures, e.trips, e.closed_until, t.name AS tenant_name, t.public_id AS tenant_id,
       (SELECT count(*) FROM delivery d WHERE d.endpoint_id = e.id AND d.state IN ('queued', 'waiting')) AS waiting
FROM endpoint e JOIN tenant t ON t.id = e.tenant
WHERE e.failures > 0 OR e.trips > 0 ORDER BY e.trips DESC, e.failures DESC LIMIT %(count)s
