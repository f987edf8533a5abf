-- The end of a token that leaked is an event of the streams, like any other end.
-- oldest-program: 14

insert into testkase.streamed_topics (topic) values ('api_key.leaked');
