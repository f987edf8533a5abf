-- One page of the uploads to a test cycle, newest first.
-- takes: organization, caller, projectId, least_role, cycle, cursor, limit
-- cursor: ids below it only, or null
-- → of each: the cursor, and the upload: reportedBy is null for guests of the project, who may not see its members, and apiKey
--   for all but its owner and the admins of the organization; one row with a null cursor when there is none; no row when there
--   is no such cycle, or the caller may not see the project
select p.outcome, r.id as cursor, r.id, rfc3339(r.reported_at) as at,
       case when p.role <> 'guest' or r.user_id = me.id
            then json_build_object('userId', u.id, 'name', u.name) end as "reportedBy",
       case when t.user_id = me.id or me.org_role in ('owner', 'admin') and t.id is not null
            then json_build_object('id', t.id, 'name', t.name) end as "apiKey",
       shown_build(r.build) as build, r.received, r.matched, r.unmatched,
       json_build_object('pass', r.pass, 'fail', r.fail, 'blocked', r.blocked, 'skipped', r.skipped) as counts
from project_for(:organization::bigint, :caller::bigint, :projectId::integer, :least_role) p
join users me on me.id = :caller::bigint
join test_cycles y on y.project_id = p.id and y.number = :cycle::integer
left join lateral (
    select s.id, s.reported_at, s.user_id, s.token_id, s.build, s.received, s.matched, s.unmatched, s.pass, s.fail, s.blocked,
           s.skipped
    from test_runs s
    where s.cycle_id = y.id and s.id < coalesce(:cursor::bigint, 9223372036854775807)
    order by s.id desc
    limit :limit::integer
) r on true
left join lateral (select a.id, a.name from users a where a.id = r.user_id offset 0) u on true
left join lateral (select k.id, k.user_id, k.name from api_tokens k where k.id = r.token_id offset 0) t on true
order by r.id desc;
