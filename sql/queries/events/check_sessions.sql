-- Which of these sessions are not valid any more.
-- takes: sessions
-- → the first row: null, and in how many milliseconds the next of the others ends (null: none is left); then the id of each
--   that is not valid
with live as materialized (
    select l.id, l.left_ms from live_sessions(:sessions::bigint[]) l
)
select null::bigint as id, min(l.left_ms) as left_ms
from live l
union all
select a.id, null
from unnest(:sessions::bigint[]) a (id)
left join live l on l.id = a.id
where l.id is null
order by id nulls first;
