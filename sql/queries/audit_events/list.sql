-- One page of what was done in an organization, newest first.
-- takes: organization, action, actorUserId, targetKind, targetId, since, until, cursor, limit
-- action … until: filters, or null; cursor: ids below it only, or null
-- With a filter, a page looks at 10 000 events at most, so that no filter costs more; those of one target have their own index.
-- Ids follow the time only as well as the clock does, so no event is left out because of its id; partitions after :until are.
-- → of each: the event, with names as they are now (a target's: null when it has none, or none any more), and the accounts
--   that it names: the actor, the target, those of its detail; one row with a null cursor when there is none. resume: where
--   the next page begins when this one has looked at all that it may, or null
with bounds as materialized (
    select case when coalesce(:action, :actorUserId::bigint::text, :targetKind, :targetId::bigint::text,
                              :since::timestamptz::text, :until::timestamptz::text) is null
                then :limit::integer else 10000 end as most
), looked_at as materialized (
    (select l.id, l.occurred_at, l.action, l.actor_kind, l.actor_user_id, l.actor_token_id, l.target_kind, l.target_id,
            l.address, l.request_id, l.detail
     from (select e.id, e.occurred_at, e.action, e.actor_kind, e.actor_user_id, e.actor_token_id, e.target_kind, e.target_id,
                  e.address, e.request_id, e.detail
           from audit_events e
           where (:targetKind is null or :targetId is null) and e.organization_id = :organization::bigint
             and e.id < coalesce(:cursor::bigint, 9223372036854775807)
             and e.occurred_at < coalesce(date_trunc('month', :until + interval '1 month', 'UTC'), 'infinity')
           order by e.id desc
           limit 10000) l
     order by l.id desc
     limit (select b.most from bounds b))
    union all
    (select e.id, e.occurred_at, e.action, e.actor_kind, e.actor_user_id, e.actor_token_id, e.target_kind, e.target_id,
            e.address, e.request_id, e.detail
     from audit_events e
     where e.target_kind = :targetKind and e.target_id = :targetId and e.organization_id = :organization::bigint
       and e.id < coalesce(:cursor, 9223372036854775807)
     order by e.id desc
     limit 10000)
), page as (
    select l.id, l.occurred_at, l.action, l.actor_kind, l.actor_user_id, l.actor_token_id, l.target_kind, l.target_id,
           l.address, l.request_id, l.detail
    from looked_at l
    where (:action is null or l.action = :action) and (:actorUserId is null or l.actor_user_id = :actorUserId)
      and (:targetKind is null or l.target_kind = :targetKind) and (:targetId is null or l.target_id = :targetId)
      and (:since is null or l.occurred_at >= :since) and (:until is null or l.occurred_at < :until)
    order by l.id desc
    limit :limit
), resume as materialized (
    select min(l.id) as id
    from looked_at l
    cross join bounds b
    group by b.most
    having count(*) = b.most and (:since is null or max(l.occurred_at) >= :since)
)
select p.id as cursor, r.id as resume, p.id, rfc3339(p.occurred_at) as "occurredAt", p.action,
       json_build_object('kind', p.actor_kind, 'userId', p.actor_user_id, 'apiKeyId', p.actor_token_id,
                         'apiKeyName', k.name) as actor,
       json_build_object('kind', p.target_kind, 'id', p.target_id, 'name', n.name) as target, host(p.address) as address,
       p.request_id as "requestId", p.detail::json as detail, coalesce(a.users, '[]'::json) as users
from (select) one
left join page p on true
left join resume r on true
left join api_tokens k on k.id = p.actor_token_id and k.user_id = p.actor_user_id
left join lateral (
    select case p.target_kind
               when 'api_key' then (select t.name from api_tokens t join users u on u.id = t.user_id
                                    where t.id = p.target_id and u.organization_id = :organization)
               when 'organization' then (select o.name from organizations o where o.id = :organization and o.id = p.target_id)
               when 'project' then (select j.name from projects j
                                    where j.id = p.target_id and j.organization_id = :organization)
               when 'test_case' then (select c.title from test_cases c join projects j on j.id = c.project_id
                                      where c.id = p.target_id and j.organization_id = :organization)
               when 'test_cycle' then (select y.name from test_cycles y join projects j on j.id = y.project_id
                                       where y.id = p.target_id and j.organization_id = :organization)
               when 'user' then (select u.name from users u
                                 where u.id = p.target_id and u.organization_id = :organization)
               when 'webhook' then (select w.name from webhooks w
                                    where w.id = p.target_id and w.organization_id = :organization)
           end as name
) n on true
left join lateral (
    select json_agg(json_build_object('id', u.id, 'name', u.name, 'kind', u.kind, 'status', u.status) order by u.id) as users
    from users u
    where u.organization_id = :organization
      and u.id = any (array[p.actor_user_id, case p.target_kind when 'user' then p.target_id end,
                            case jsonb_typeof(p.detail -> 'ownerId') when 'number' then (p.detail ->> 'ownerId')::bigint end,
                            case jsonb_typeof(p.detail -> 'userId') when 'number' then (p.detail ->> 'userId')::bigint end])
) a on true
order by p.id desc;
