-- The partitions that take the rows of this month and the next two: the worker makes them one more month ahead.
-- → finding
with months as (
    select t.name as table_name, t.name || '_' || to_char(now() at time zone 'UTC' + n * interval '1 month', 'YYYY_MM') as name,
           to_char(now() at time zone 'UTC' + n * interval '1 month', 'YYYY-MM') as month
    from partitioned_tables t
    cross join generate_series(0, 2) n
), kept as (
    -- Tables that are named like the partition of a month, or the default one, and what they are a partition of.
    select t.name as table_name, c.relname::text as name,
           i.inhparent = to_regclass(t.name) and not i.inhdetachpending as is_attached
    from partitioned_tables t
    join pg_class c on c.relnamespace = 'testkase'::regnamespace and c.relkind in ('r', 'p')
                       and c.relname ~ ('^' || t.name || '_(default|\d{4}_\d{2})$')
    left join pg_inherits i on i.inhrelid = c.oid
)
select format('%s is not attached to %s', k.name, k.table_name) as finding
from kept k
where k.is_attached is not true
union all
select format('%s has no default partition', t.name)
from partitioned_tables t
where not exists (select from kept k where k.name = t.name || '_default')
union all
select format('%s has no partition for %s', m.table_name, m.month)
from months m
where not exists (select from kept k where k.name = m.name)
union all
select format('%s is not partitioned', t.name)
from partitioned_tables t
where not exists (select from pg_class c where c.oid = to_regclass(t.name) and c.relkind = 'p')
union all
select 'testkase.partitioned_tables is empty'
where not exists (select from partitioned_tables)
order by 1;
