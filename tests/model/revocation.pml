/* The protocol of server/gate.c: a server with two rounds and one with a single round, a token that is revoked, a change of
 * another, connections that are lost at any point. PostgreSQL is what its clients see of it: a statement reads one snapshot
 * of what is committed, a commit becomes visible at once, and its acknowledgement comes after that. What each epoch was
 * bumped for is noted, and may be gone when it is read.
 *
 * The properties: a request that begins after the revocation was acknowledged is never accepted; and no change is committed
 * after that, however long ago the request that makes it was accepted (its body came slowly, or argon2 took its time).
 *
 * Each of these breaks it, which shows that the model would notice:
 *   -DBUMP_OUTSIDE  the epoch is bumped by a transaction of its own, which may never come
 *   -DSEQUENCE      the epoch is a sequence, which moves before the commit
 *   -DASKED_EARLY   a request may be decided by an epoch that was asked before it arrived
 *   -DGAPS          what is noted counts as all there was, also when some of it is gone
 *   -DKEPT_OLD      a state is kept although changes after it have been read already
 *   -DUNHELD        a change looks whether the token lives, and does not hold it until it commits
 * And one that asserts too much, which shows that requests are accepted at all:
 *   -DREACHED       nothing is ever accepted
 */

#define SERVERS  2
#define CLIENTS  2
#define REQUESTS 2

#define NONE        0
#define ACCEPTED    1
#define REFUSED     2
#define UNAVAILABLE 3

/* Committed in PostgreSQL. `ours`: the epoch that was bumped for our token, 0 before. */
bool alive = true;
byte epoch = 1;
byte ours;

/* What whoever revokes has been told. */
bool acknowledged = false;

/* Of each server: the requests that wait for a round, the epoch up to which it knows what has changed (0: none yet), and the
 * token's state as it was read under some epoch. */
byte waiting[SERVERS];
byte known[SERVERS];
bool is_kept[SERVERS];
bool kept_alive[SERVERS];
byte kept_epoch[SERVERS];
byte life[SERVERS]; /* of what is kept, two in turn */

byte verdict[CLIENTS];

/* The lock on the token's row: 0, or the client that holds it, from 1. */
byte holder;

/* Within a d_step. */
inline tell(requests, outcome)
{
    if
    :: requests & 1 -> verdict[0] = outcome
    :: else
    fi;
    if
    :: requests & 2 -> verdict[1] = outcome
    :: else
    fi;
    requests = 0
}

/* A change, some time after its request was accepted. Its statement looks at the token, under a lock until it commits. */
inline write(me)
{
#ifdef UNHELD
    seen_alive = alive;
#else
    d_step { holder == 0 -> holder = me + 1; seen_alive = alive };
#endif
    d_step {
        assert(!(seen_alive && acknowledged));
        seen_alive = false;
        holder = 0
    }
}

proctype Client(byte me)
{
    byte sent, server;
    bool begun_after, seen_alive;
    do
    :: sent < REQUESTS ->
        sent++;
        if
        :: server = 0
        :: server = 1
        fi;
        begun_after = acknowledged;
        waiting[server] = waiting[server] | (1 << me);
        verdict[me] != NONE;
        assert(!(begun_after && verdict[me] == ACCEPTED));
#ifdef REACHED
        assert(verdict[me] != ACCEPTED);
#endif
        if
        :: verdict[me] == ACCEPTED -> write(me)
        :: skip
        fi;
        d_step { verdict[me] = NONE; begun_after = false; server = 0 }
    :: else -> break
    od
}

inline forget(server)
{
    is_kept[server] = false;
    kept_alive[server] = false;
    kept_epoch[server] = 0
}

inline forget_all(server, at_epoch)
{
    forget(server);
    known[server] = at_epoch;
    life[server] = 1 - life[server]
}

/* One snapshot: the epoch, whether all that was noted since is there, and whether some of it is about our token. */
inline read_changes(since)
{
    d_step {
        now = epoch;
        is_ours = ours > since
    };
    if
    :: is_complete = true
    :: now > since ->
        is_ours = false;
#ifdef GAPS
        is_complete = true
#endif
    fi
}

inline apply_changes(server)
{
    if
    :: now == known[server]
    :: now > known[server] && is_complete && begun_life == life[server] ->
        if
        :: is_ours && is_kept[server] && kept_epoch[server] < ours -> forget(server)
        :: else
        fi;
        known[server] = now
    :: else -> forget_all(server, now)
    fi
}

/* Answers those who ask from what is kept; else `mine` stays, and the state is to be read. */
inline tell_kept(server)
{
    if
    :: is_kept[server] && kept_alive[server] -> tell(mine, ACCEPTED); begun_life = 0
    :: is_kept[server] && !kept_alive[server] -> tell(mine, REFUSED); begun_life = 0
    :: else -> begun_life = life[server]
    fi
}

/* One connection of a server's gate. Answers travel: between a statement's snapshot and what the server does with it, anything
 * may happen. */
proctype Round(byte server)
{
    byte mine, seen, now, since, begun_life;
    bool read_alive, is_complete, is_ours;
end:
    do
#ifdef ASKED_EARLY
    :: seen == 0 -> seen = epoch
    :: atomic { seen != 0 && waiting[server] != 0 -> mine = waiting[server]; waiting[server] = 0 };
#else
    :: atomic { waiting[server] != 0 -> mine = waiting[server]; waiting[server] = 0 };
        if
        :: seen = epoch
        :: d_step { tell(mine, UNAVAILABLE) }; goto end
        fi;
#endif
        /* What has changed since, if the epoch has moved. What the loop does with an answer, it does in one go. */
        atomic {
            if
            :: known[server] != 0 && seen > known[server] ->
                begun_life = life[server];
                since = known[server];
                seen = 0
            :: else ->
                if
                :: seen != known[server] -> forget_all(server, seen)
                :: else
                fi;
                seen = 0;
                tell_kept(server);
                goto rest
            fi
        };
        if
        :: atomic { read_changes(since); since = 0 }
        :: d_step { tell(mine, UNAVAILABLE); begun_life = 0; since = 0 }; goto end
        fi;
        d_step {
            apply_changes(server);
            now = 0;
            is_complete = false;
            is_ours = false;
            tell_kept(server)
        };
rest:
        if
        :: mine == 0
        :: else ->
            if
            :: d_step { now = epoch; read_alive = alive }
            :: d_step { tell(mine, UNAVAILABLE); begun_life = 0 }; goto end
            fi;
            d_step {
                if
#ifdef KEPT_OLD
                :: begun_life == life[server] ->
#else
                :: begun_life == life[server] && now >= known[server] ->
#endif
                    is_kept[server] = true;
                    kept_epoch[server] = now;
                    kept_alive[server] = read_alive
                :: else
                fi;
                if
                :: read_alive -> tell(mine, ACCEPTED)
                :: else -> tell(mine, REFUSED)
                fi;
                now = 0;
                read_alive = false;
                begun_life = 0
            }
        fi
    od
}

/* The connection may be lost after the commit: then it is the next look that tells that the token has ended. Either way the
 * acknowledgement comes at some time after the commit. */
proctype Revocation()
{
#if defined(BUMP_OUTSIDE)
    alive = false;
    if
    :: d_step { epoch = epoch + 1; ours = epoch }
    :: skip
    fi;
#elif defined(SEQUENCE)
    d_step { epoch = epoch + 1; ours = epoch };
    alive = false;
#else
    d_step { holder == 0 -> alive = false; epoch = epoch + 1; ours = epoch };
#endif
    acknowledged = true
}

/* Somebody else's token ends. */
proctype Other()
{
    epoch = epoch + 1
}

init
{
    atomic {
        byte i;
        run Round(0);
        run Round(0);
        run Round(1);
        for (i : 0 .. CLIENTS - 1) {
            run Client(i)
        }
        run Revocation();
        run Other()
    }
}
