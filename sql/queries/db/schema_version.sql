-- The version of the database's schema: the number of the last migration; and whether the triggers are in force without which a
-- server would not learn of a revocation. The owner can disable them, and a restore makes them last.
-- → version, the first of those triggers that is missing or disabled, as trigger and table, or null, and the oldest schema
--   version whose programs work with this schema
select coalesce(max(version), 0) as version,
       (select format('%s of %s', needed.trigger_name, needed.table_name)
        from (values
            ('organizations', 'organizations_changed'), ('organizations', 'organizations_deleted'),
            ('organizations', 'organizations_truncated'),
            ('users', 'users_guard'), ('users', 'users_changed'), ('users', 'users_deleted'), ('users', 'users_truncated'),
            ('sessions', 'sessions_stamp'), ('sessions', 'sessions_guard'),
            ('api_tokens', 'api_tokens_stamp'), ('api_tokens', 'api_tokens_guard'), ('api_tokens', 'api_tokens_changed'),
            ('api_tokens', 'api_tokens_deleted'), ('api_tokens', 'api_tokens_truncated')
        ) as needed (table_name, trigger_name)
        where not exists (select from pg_trigger t
                          where t.tgrelid = to_regclass('testkase.' || needed.table_name) and t.tgname = needed.trigger_name
                            and t.tgenabled in ('O', 'A'))
        limit 1) as missing_trigger,
       coalesce(max(coalesce(oldest_program, version)), 0) as oldest_program
from testkase.schema_migrations;
