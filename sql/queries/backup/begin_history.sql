-- Begins another history: moves the epoch far on, so that no server goes on from what it knew before, ends all sessions
-- and links that set passwords, and records where the database is now. Audits it in each organization.
-- → epoch, sessions: how many ended
with moved as (
    insert into auth_epoch as e (epoch)
    select 1000000 + coalesce(max(c.epoch), 0) from auth_changes c
    on conflict (only_row) do update set epoch = greatest(e.epoch, excluded.epoch - 1000000) + 1000000
    returning e.epoch
), forgotten as (
    delete from auth_changes
), recorded as (
    insert into auth_changes (epoch, token_ids) select m.epoch, null from moved m
), ended as (
    delete from sessions returning id
), unlinked as (
    delete from password_links -- one that was used since the backup would work once more
), known as (
    insert into histories (cluster, timeline, database)
    select h.cluster, h.timeline, h.database from present_history() h
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select o.id, 'operator', 'organization.restored', 'organization', o.id, jsonb_build_object('epoch', m.epoch)
    from organizations o
    cross join moved m
)
select m.epoch, (select count(*) from ended) as sessions
from moved m;
