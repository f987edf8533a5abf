-- Roles of the service, and who may connect to its databases. Run it as a superuser or a role with CREATEROLE, before the
-- database is made and once more after that; safe to repeat:
--     psql --file sql/roles.sql
--     psql --command 'create database testkase owner testkase_owner'
--     psql --file sql/roles.sql
-- No role has a password: the operator chooses how they log in (peer, scram-sha-256, certificates).
--
--   testkase_owner   owns schemas and tables; testkase-admin uses it
--   testkase_server  the rights of testkase-server
--   testkase_worker  the rights of testkase-worker
--   testkase_ops     for dashboards: SELECT on schema ops only; cannot see a hash

do $$
declare
    wanted text;
begin
    foreach wanted in array array['testkase_owner', 'testkase_server', 'testkase_worker', 'testkase_ops'] loop
        begin
            execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls', wanted);
        exception
            when duplicate_object or unique_violation then null;
        end;
    end loop;
end
$$;

-- A dashboard takes few connections, reads, and ends. It could change these defaults for its own session, but not the number of
-- connections. The other roles' sessions make their settings themselves. Since PostgreSQL 16, a role with CREATEROLE may alter
-- only the roles that it has made; another one changes nothing here.
do $$
begin
    alter role testkase_ops connection limit 10;
    alter role testkase_ops set default_transaction_read_only = on;
    alter role testkase_ops set statement_timeout = '30s';
    alter role testkase_ops set lock_timeout = '5s';
    alter role testkase_ops set idle_in_transaction_session_timeout = '30s';
    alter role testkase_ops set idle_session_timeout = '15min';
    -- So that sums over many rows are hashed in memory, not sorted on disk; the number of connections bounds them.
    alter role testkase_ops set work_mem = '32MB';
exception
    when insufficient_privilege then raise warning 'testkase_ops keeps its settings: %', sqlerrm;
end
$$;

-- Databases of the service take connections from these four roles only, and temporary tables from the owner only. Unless it is
-- closed like this, every role of the cluster could connect, and take locks or fill the queue of notifications. In other
-- databases of the cluster, PUBLIC keeps its rights. A role without rights on such a database changes nothing here.
do $$
declare
    ours name;
begin
    for ours in
        select d.datname from pg_database d join pg_roles r on r.oid = d.datdba
        where r.rolname = 'testkase_owner' and pg_has_role(current_user, r.oid, 'usage')
    loop
        execute format('revoke connect, temporary on database %I from public', ours);
        execute format('grant connect on database %I to testkase_server, testkase_worker, testkase_ops', ours);
    end loop;
end
$$;
