-- One page of what was done in an organization, newest first.
-- takes: organization, action, actorUserId, targetKind, targetId, since, until, cursor, limit
-- action … until: filters, or null; cursor: ids below it only, or null
-- With a filter, a page looks at 10 000 events at most, so that no filter costs more; those of one target have their own index.
-- Ids follow the time only as well as the clock does, so no event is left out because of its id; partitions after :until are.
-- → of each: the event; one row with a null cursor when there is none. resume: where the next page begins when this one has
--   looked at all that it may, or null
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
       json_build_object('kind', p.actor_kind, 'userId', p.actor_user_id, 'apiKeyId', p.actor_token_id) as actor,
       json_build_object('kind', p.target_kind, 'id', p.target_id) as target, host(p.address) as address,
       p.request_id as "requestId", p.detail::json as detail
from (select) one
left join page p on true
left join resume r on true
order by p.id desc;
