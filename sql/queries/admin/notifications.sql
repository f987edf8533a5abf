-- Whether PostgreSQL's queue of notifications has room, so that the workers learn of changes at once.
-- → how full it is, in percent, and whether notifications are sent
select round(100 * notification_queue_usage())::integer as percent, notifications_are_sent() as "areSent";
