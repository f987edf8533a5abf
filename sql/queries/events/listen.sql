-- Has this connection hear of new rows in the outbox, and of sessions that end.
-- → true
select listen_for_events();
