-- The connected role, and whether the roles of sql/roles.sql exist.
-- → connected role, the missing roles as a list, or null, whether the connected role may act as testkase_owner
select current_user,
       (select string_agg(wanted.name, ', ' order by wanted.name)
        from (values ('testkase_owner'), ('testkase_server'), ('testkase_worker'), ('testkase_ops')) as wanted (name)
        where not exists (select from pg_roles r where r.rolname = wanted.name)) as missing,
       coalesce((select pg_has_role(current_user, r.oid, 'member') from pg_roles r where r.rolname = 'testkase_owner'),
                false) as may_own;
