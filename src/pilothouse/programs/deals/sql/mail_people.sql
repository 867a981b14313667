-- Who hears of these deals, where and in which language: the two sides, and whoever was invited by address.
SELECT d.id AS deal, s.side, s.is_invited, coalesce(u.email, d.invited_email) AS email,
       coalesce(l.language, t.settings ->> 'language', '') AS language, t.timezone, t.name AS market
FROM deal d
JOIN tenant t ON t.id = d.tenant
CROSS JOIN LATERAL (VALUES ('buyer', d.buyer_id), ('seller', d.seller_id)) AS p (side, person)
CROSS JOIN LATERAL (SELECT p.side, p.person IS NULL AND p.side <> d.creator_side AS is_invited) s
LEFT JOIN auth_user u ON u.is_active AND u.id = coalesce(
    p.person, (SELECT x.id FROM auth_user x WHERE s.is_invited AND x.username = d.invited_email))
LEFT JOIN person_language l ON l.person_id = u.id
WHERE d.id = ANY(%(deals)s::bigint[]) AND coalesce(u.email, CASE WHEN s.is_invited THEN d.invited_email END, '') <> ''
