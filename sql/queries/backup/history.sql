-- Whether an operator knows of the history that goes on in this database; see table histories.
-- → finding: what has happened to the database since; no row when nothing has
select case
           when known.cluster is null then 'nothing says where this database comes from'
           when known.cluster <> present.cluster then
               'the database has come into another cluster, by a restore or an upgrade, since ' || rfc3339(known.began_at)
           when known.timeline <> present.timeline then
               'the cluster was recovered to a point in time, or a standby took over, since ' || rfc3339(known.began_at)
           else 'the database was restored in its cluster, or copied, since ' || rfc3339(known.began_at)
       end as finding
from present_history() present
left join (select cluster, timeline, database, began_at from histories order by id desc limit 1) known on true
where (present.cluster, present.timeline, present.database) is distinct from (known.cluster, known.timeline, known.database);
