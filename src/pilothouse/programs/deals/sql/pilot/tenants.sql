-- One look into the index for each market, however many deals it has.
SELECT t.id AS tenant FROM tenant t WHERE EXISTS (SELECT FROM deal d WHERE d.tenant = t.id) ORDER BY t.id
