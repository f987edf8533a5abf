-- Makes the settings of a connection, once after connecting: every setting on which the meaning, the durability or the duration
-- of our statements rests, whatever the defaults of the role, the database and the connection string are. A setting that this
-- release of PostgreSQL does not have is passed over.
-- takes: statementTimeout, lockTimeout
-- both in ms
-- → refusal: why the programs do not use the connection (db_libpq_session_refusal() has the words), or null; and how many
--   settings were made
select case
           when pg_catalog.pg_is_in_recovery() then 'standby'
           when pg_catalog.getdatabaseencoding() <> 'UTF8' then 'encoding'
           -- Only a superuser can make this setting, so a session cannot correct it.
           when pg_catalog.current_setting('session_replication_role') = 'replica' then 'replica'
       end as refusal,
       (select pg_catalog.count(pg_catalog.set_config(s.name, s.value, false))
        from (values
            ('search_path', 'testkase, pg_temp'),
            -- Transactions. A statement that meets a concurrent change waits and goes on from the new row, instead of failing.
            ('default_transaction_isolation', 'read committed'),
            ('default_transaction_read_only', 'off'),
            ('default_transaction_deferrable', 'off'),
            -- An acknowledged change must survive a crash and a failover, a revocation above all.
            ('synchronous_commit', case pg_catalog.current_setting('synchronous_commit')
                                       when 'off' then 'on' when 'local' then 'on'
                                       else pg_catalog.current_setting('synchronous_commit') end),
            -- Time-outs, and what else would end a session that only waits for work.
            ('statement_timeout', :statementTimeout::text),
            ('lock_timeout', :lockTimeout::text),
            ('idle_in_transaction_session_timeout', '60s'),
            ('idle_session_timeout', '0'),
            ('transaction_timeout', '0'),
            ('exit_on_error', 'off'),
            -- The meaning of texts, sent and received.
            ('client_encoding', 'UTF8'),
            ('standard_conforming_strings', 'on'),
            ('transform_null_equals', 'off'),
            ('array_nulls', 'on'),
            ('timezone', 'UTC'),
            ('datestyle', 'ISO, YMD'),
            ('intervalstyle', 'postgres'),
            ('bytea_output', 'hex'),
            ('extra_float_digits', '1'),
            ('quote_all_identifiers', 'off'),
            ('lc_numeric', 'C'),
            ('lc_monetary', 'C'),
            ('lc_time', 'C'),
            -- What migrations and new partitions are made of.
            ('default_table_access_method', 'heap'),
            ('check_function_bodies', 'on'),
            -- Plans: statements are prepared once, and short.
            ('plan_cache_mode', 'force_generic_plan'),
            ('jit', 'off'),
            ('max_parallel_workers_per_gather', '0'),
            -- Messages. Parameters of a failed statement do not reach PostgreSQL's log.
            ('client_min_messages', 'warning'),
            ('log_parameter_max_length_on_error', '0')
        ) as s (name, value)
        where pg_catalog.current_setting(s.name, true) is not null) as settings;
