-- Reads up to 500 rows of the outbox, and makes notices of those that people are told of by mail.
-- → how many rows it read
select route_outbox(500);
