-- Roles of the service; run once per cluster as a superuser or a role with CREATEROLE, safe to repeat:
--     psql --file sql/roles.sql
-- None has a password: how they log in (peer, scram-sha-256, certificates) is the operator's choice. The database belongs to
-- testkase_owner:  create database testkase owner testkase_owner;
--
--   testkase_owner   owns schema and tables, runs `testkase-admin`
--   testkase_server  what the HTTP front may do
--   testkase_worker  what the background process may do
--   testkase_ops     dashboards: SELECT on schema ops alone, cannot see a hash

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
