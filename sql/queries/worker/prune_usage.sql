-- Deletes the usage of tokens in months that ended over a year ago.
-- → how many partitions it dropped
select prune_usage(13);
