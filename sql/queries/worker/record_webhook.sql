-- Records what came of an attempt. After a failure, the next attempt is half a minute later, then two minutes, eight, about half
-- an hour, two hours; the fifth retry is the last, and a delivery that it does not bring is parked. An endpoint that says that it
-- is gone for good (410), or of which every delivery of a week was parked, disables its webhook.
-- The lease may have run out meanwhile, and another worker be at it: then only the end is recorded that the receiver has it, if
-- nobody asked to send it once more since.
-- takes: id, attempt, outcome, status, retryAfter, error
-- outcome: sent | try_again | refused; status: of HTTP, 0 for none; retryAfter: seconds, 0 for none
-- → whether the delivery was waiting for it
with target as (
    select d.id, d.attempts, h.id as webhook_id, h.organization_id, h.name, h.failing_since,
           h.status = 'enabled' and h.deleted_at is null as is_on
    from webhooks h
    join webhook_deliveries d on d.webhook_id = h.id
    where d.id = :id::bigint and d.state = 'queued'
      and (d.claims = :attempt::integer or :outcome = 'sent' and :attempt::integer > d.claims - d.attempts)
    for no key update of h, d
), decision as (
    select t.id, t.webhook_id, s.state,
           case
               when s.state <> 'parked' or not t.is_on then null
               when :status::integer = 410 then 'gone'
               when t.failing_since < now() - interval '7 days' then 'failing'
           end as disabled_reason
    from target t
    cross join lateral (select case
                                   when :outcome = 'sent' then 'sent'
                                   when :outcome = 'refused' or t.attempts >= 6 or not t.is_on then 'parked'
                                   else 'queued'
                               end as state) s
), recorded as (
    update webhook_deliveries d
    set leased_until = null, status = nullif(:status::integer, 0), error = nullif(:error, ''), state = c.state,
        ended_at = case when c.state <> 'queued' then now() end,
        attempt_at = now() + greatest(least(:retryAfter::integer, 21600),
                                      30 * 4 ^ least(greatest(d.attempts - 1, 0), 5) * (0.75 + random() / 2))
                             * interval '1 second'
    from decision c
    where d.id = c.id
    returning d.id
), changed as (
    update webhooks h
    set failing_since = case when c.state = 'parked' then coalesce(h.failing_since, now()) end,
        status = case when c.disabled_reason is null then h.status else 'disabled' end,
        disabled_reason = coalesce(c.disabled_reason, h.disabled_reason)
    from decision c
    where h.id = c.webhook_id and (c.state = 'parked' or (c.state = 'sent' and h.failing_since is not null))
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select t.organization_id, 'system', 'webhook.disabled', 'webhook', t.webhook_id,
           jsonb_build_object('name', t.name, 'reason', c.disabled_reason)
    from decision c
    join target t on t.id = c.id
    where c.disabled_reason is not null
)
select true from recorded;
