-- One page of what happened to a token, newest first.
-- takes: caller, id, cursor, limit
-- → of each event: when, which, the account that did it (null: the service or an operator) and its note; one row with a null
--   cursor when nothing is recorded; no row when the account has no such token
select e.id as cursor, rfc3339(e.occurred_at) as at, split_part(e.action, '.', 2) as event,
       case when u.id is not null then json_build_object('userId', u.id, 'name', u.name) end as actor,
       e.detail ->> 'note' as note
from api_tokens t
left join lateral (
    select a.id, a.occurred_at, a.action, a.actor_user_id, a.detail
    from audit_events a
    where a.target_kind = 'api_key' and a.target_id = t.id and a.action <> 'api_key.hash_renewed'
      and (:cursor::bigint is null or a.id < :cursor::bigint)
    order by a.id desc
    limit :limit::integer
) e on true
left join users u on u.id = e.actor_user_id
where t.user_id = :caller::bigint and t.id = :id::bigint
order by e.id desc;
