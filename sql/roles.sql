-- Roles of the service; run once per cluster as a superuser or a role with CREATEROLE, safe to repeat:
--     psql --file sql/roles.sql
-- No role has a password: the operator chooses how they log in (peer, scram-sha-256, certificates). The database belongs to
-- testkase_owner:  create database testkase owner testkase_owner;
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
