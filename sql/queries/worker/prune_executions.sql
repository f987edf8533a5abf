-- Deletes the results of runs that are older than their organization keeps them, about 50 000 at a time.
-- → how many runs it pruned, and how many partitions it dropped
select prune_executions(50000);
