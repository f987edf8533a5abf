-- The roles of sql/roles.sql, and who may connect to this database.
-- → finding
with ours as (
    select r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls, r.rolconfig
    from pg_roles r
    where r.rolname in ('testkase_owner', 'testkase_server', 'testkase_worker', 'testkase_ops')
), granted as (
    select coalesce(r.rolname, 'PUBLIC') as grantee, a.privilege_type
    from pg_database d
    cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    left join pg_roles r on r.oid = a.grantee
    where d.datname = current_database()
)
select format('%s has the attribute %s', o.rolname, a.name) as finding
from ours o
cross join lateral (values
    ('superuser', o.rolsuper), ('createrole', o.rolcreaterole), ('createdb', o.rolcreatedb), ('replication', o.rolreplication),
    ('bypassrls', o.rolbypassrls)) as a (name, is_set)
where a.is_set
union all
select format('%s is a member of %s', o.rolname, g.rolname)
from ours o
join pg_auth_members m on m.member = o.oid
join pg_roles g on g.oid = m.roleid
where o.rolname <> 'testkase_owner'
union all
select 'testkase_ops may write: default_transaction_read_only is not on for it'
from ours o
where o.rolname = 'testkase_ops' and not coalesce(o.rolconfig, '{}') @> array['default_transaction_read_only=on']
union all
select format('every role of the cluster may %s this database', case g.privilege_type when 'CONNECT' then 'connect to'
                                                                     else 'make temporary tables in' end)
from granted g
where g.grantee = 'PUBLIC' and g.privilege_type in ('CONNECT', 'TEMPORARY')
union all
select format('%s may not connect to this database', o.rolname)
from ours o
where not has_database_privilege(o.oid, current_database(), 'CONNECT')
union all
select format('the database belongs to %s, not to testkase_owner', pg_get_userbyid(d.datdba))
from pg_database d
where d.datname = current_database() and not pg_has_role('testkase_owner', d.datdba, 'usage')
order by 1;
