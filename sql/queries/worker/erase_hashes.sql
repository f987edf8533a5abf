-- Erases the hashes of up to 200 tokens that expired 30 days ago or earlier.
-- → how many rows it changed
with batch as (
    select t.id
    from api_tokens t
    where t.ended_reason = 'expired' and t.secret_hash is not null and t.ended_at <= now() - interval '30 days'
    order by t.ended_at
    limit 200
    for update skip locked
), erased as (
    update api_tokens t set secret_hash = null
    from batch b
    where t.id = b.id
    returning t.id
)
select count(*) from erased;
