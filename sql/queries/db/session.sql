-- Makes the settings of a connection, once after connecting.
-- takes: statementTimeout, lockTimeout
-- both in ms
-- → is_standby: the programs do not use a connection to a standby
select pg_is_in_recovery() as is_standby,
       set_config('search_path', 'testkase, pg_temp', false),
       set_config('statement_timeout', :statementTimeout::text, false),
       set_config('lock_timeout', :lockTimeout::text, false),
       set_config('idle_in_transaction_session_timeout', '60s', false),
       set_config('timezone', 'UTC', false),
       set_config('datestyle', 'ISO, YMD', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       -- An acknowledged change must survive a crash, a revocation above all.
       set_config('synchronous_commit',
                  case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end,
                  false);
