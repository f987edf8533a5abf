-- Makes the partitions of this month and the next three, as the worker does.
-- → how many it made
select make_partitions(3) as made;
