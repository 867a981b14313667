-- Everything in the catalogue that holds a rule, as (kind, place, name, definition). Read with an empty search_path, so
-- that every name in a definition is written in full. What belongs to an extension, and plain indexes that somebody adds
-- for speed, change no rule; constraints' own triggers are known by their constraint.
WITH space AS (
    SELECT n.oid, n.nspname, n.nspacl, n.nspowner FROM pg_namespace n WHERE n.nspname IN ('base', 'public')
), relation AS (
    SELECT c.*, s.nspname FROM pg_class c JOIN space s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), right_given (kind, place, name, acl, owner) AS (
    SELECT 'schema', '', nspname, nspacl, nspowner FROM space
    UNION ALL
    SELECT 'table', '', relname, relacl, relowner FROM relation
    UNION ALL
    SELECT 'column', r.relname, a.attname, a.attacl, r.relowner
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'function', '', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.proacl, p.proowner
    FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
), wall (kind, place, name, definition) AS (
    SELECT 'server', '', 'PostgreSQL', (current_setting('server_version_num')::int / 10000)::text
    UNION ALL
    SELECT 'right on ' || g.kind, g.place, g.name,
           pg_get_userbyid(g.owner) || ' ' || coalesce((
               SELECT string_agg(x.privilege_type || x.is_grantable || ' '
                          || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END, ',' ORDER BY
                          x.grantee = 0, pg_get_userbyid(x.grantee), x.privilege_type)
               FROM aclexplode(g.acl) x), 'default')
    FROM right_given g
    UNION ALL
    SELECT 'table', '', r.relname, concat_ws(' ', r.relkind, r.relpersistence, r.relrowsecurity, r.relforcerowsecurity)
    FROM relation r
    UNION ALL
    SELECT 'view', '', r.relname, concat_ws(' ', r.reloptions::text, pg_get_viewdef(r.oid))
    FROM relation r WHERE r.relkind IN ('v', 'm')
    UNION ALL
    SELECT 'column', r.relname, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'constraint', r.relname, k.conname, pg_get_constraintdef(k.oid)
    FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid WHERE k.contype <> 'n'
    UNION ALL
    -- Without brackets and casts of texts, which a restored dump sets in other places.
    SELECT 'index', r.relname, i.relname, concat_ws(' ',
           regexp_replace(pg_get_indexdef(i.oid), '::(text|character varying)|[()\[\] ]', '', 'g'),
           x.indisvalid, x.indisready)
    FROM relation r JOIN pg_index x ON x.indrelid = r.oid JOIN pg_class i ON i.oid = x.indexrelid
    UNION ALL
    SELECT 'trigger', r.relname, coalesce(k.conname || ' ' || t.tgfoid::regproc, t.tgname),
           concat_ws(' ', CASE WHEN t.tgisinternal THEN '' ELSE pg_get_triggerdef(t.oid) END, t.tgenabled)
    FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
    UNION ALL
    SELECT 'rule', r.relname, w.rulename, concat_ws(' ', pg_get_ruledef(w.oid), w.ev_enabled)
    FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'policy', r.relname, p.polname, concat_ws(' ', p.polcmd, p.polpermissive,
           (SELECT string_agg(pg_get_userbyid(role), ',' ORDER BY pg_get_userbyid(role)) FROM unnest(p.polroles) role),
           pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    -- A rehearsal's clock is moved by hand; the clock's own check reads its body everywhere else.
    SELECT 'function', '', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
           pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p') AND NOT (p.proname = 'clock_now' AND current_database() LIKE 'rehearsal\_%%')
      AND NOT EXISTS (
          SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT kind, place, name, encode(sha256(convert_to(definition, 'UTF8')), 'hex') AS digest,
       kind = 'index' AND definition NOT LIKE 'CREATEUNIQUE%%' AS harmless_extra
FROM wall
