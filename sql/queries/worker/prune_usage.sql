-- Forgets the usage of tokens in months that ended over a year ago.
-- → how many partitions
select prune_usage(13);
