-- Forgets up to 200 uploads of results that are older than their Idempotency-Key counts.
-- → how many rows it changed
select forget_uploads(200);
