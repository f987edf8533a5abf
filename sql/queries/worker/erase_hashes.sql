-- Erases the hashes of up to 200 tokens that expired 30 days ago or earlier.
-- → how many rows it changed
select erase_expired_hashes(200);
