-- Makes up to 1000 reminders due whose next stage has come, and notifies. A reminder that missed stages reaches the last of them,
-- and tells that one only. Nobody is told of a token whose live successor is in use. The reminder of a token that is no longer
-- live, whether or not the worker has recorded that yet, is closed instead.
-- → how many rows it changed
with batch as (
    select r.id, r.user_id, r.stage, r.due_at, t.id as token_id, t.name, t.rotate_at, t.expires_at, t.expires_in_days,
           u.organization_id,
           t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
           and u.status = 'active' as alive
    from rotation_reminders r
    join api_tokens t on t.id = r.token_id
    join users u on u.id = t.user_id
    where r.state <> 'closed' and r.due_at <= now()
    order by r.due_at
    limit 1000
    for share of u skip locked
    for update of r skip locked
), reached as (
    -- At least the stage after the last one: that is due, as its time says.
    select b.id, b.alive, b.alive and not is_replaced(b.token_id) as is_told, s.rank, s.stage, s.at
    from batch b
    cross join lateral (
        select s.rank, s.stage, s.at
        from reminder_stages(b.rotate_at, b.expires_at) s
        left join reminder_stages(b.rotate_at, b.expires_at) l on l.stage = b.stage
        where s.rank > coalesce(l.rank, 0)
        order by case when s.at <= now() then s.rank end desc nulls last, s.rank
        limit 1
    ) s
), moved as (
    update rotation_reminders r
    set state = case when c.is_told then 'due' when b.alive then 'acknowledged' else 'closed' end,
        stage = coalesce(c.stage, r.stage), state_changed_at = now(),
        due_at = (select min(s.at) from reminder_stages(b.rotate_at, b.expires_at) s where s.rank > c.rank)
    from batch b
    left join reached c on c.id = b.id
    where r.id = b.id
    returning r.id, r.state
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select b.organization_id, b.user_id,
           case c.stage when 'rotation' then 'api_key.rotation_due' else 'api_key.expiring' end,
           jsonb_build_object('reminderId', b.id, 'apiKeyId', b.token_id, 'name', b.name, 'expiresInDays', b.expires_in_days,
                              'stage', c.stage, 'dueAt', rfc3339(c.at), 'expiresAt', rfc3339(b.expires_at))
    from batch b
    join reached c on c.id = b.id
    join moved m on m.id = b.id
    where m.state = 'due'
)
select count(*) from moved;
