-- The rotation of a token: old and new side by side, and where each is used.
-- takes: caller, id
-- → the old token and its successor as they are shown (null: none; one that has ended stands only beside an old one that has
--   ended), the places where the old one was used, the verdict, and the two numbers that the verdict rests on; no row when the
--   account has no such token
select (to_jsonb(o) - 'user_id' - 'rate_limit')::json as old, (to_jsonb(n) - 'user_id' - 'rate_limit')::json as successor,
       (select coalesce(json_agg(json_build_object('client', p.client, 'address', host(p.address), 'oldAt', rfc3339(p.old_at),
                                                   'oldCalls', p.old_calls, 'newAt', rfc3339(p.new_at), 'newCalls', p.new_calls)
                                 order by p.old_at desc), '[]')
        from (select q.client, q.address, q.old_at, q.old_calls, q.new_at, q.new_calls
              from rotation_places(o.id, n.id) q
              order by q.new_at is not null, q.old_at desc
              limit 100) p) as places,
       o.rotation ->> 'state' as state, o.rotation ->> 'because' as because, v.places_days::integer as "placesDays",
       v.quiet_hours::integer as "quietHours"
from shown_tokens o
join api_token_rotations r on r.id = o.id
cross join rotation_verdict v
left join shown_tokens n on n.id = case o.status when 'active' then r.live_successor_id else r.successor_id end
where o.user_id = :caller::bigint and o.id = :id::bigint;
