-- A webhook's test and a delivery that is sent again wake the worker: an admin waits for what comes of them.
-- oldest-program: 14

-- Only what an admin asks for. What the worker queues itself, it sends in the same round; its other changes need nobody.
create function testkase.delivery_is_wanted() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    perform notify_ids('testkase_outbox', 'deliveryIds', array[new.id]);
    return null;
end
$$;

create trigger webhook_tested after insert on testkase.webhook_deliveries
    for each row when (new.topic = 'webhook.test')
    execute function testkase.delivery_is_wanted();

create trigger webhook_redelivered after update of state, attempt_at on testkase.webhook_deliveries
    for each row when (new.state = 'queued' and (old.state <> 'queued' or new.attempt_at < old.attempt_at))
    execute function testkase.delivery_is_wanted();
