/* The protocol of server/gate.c: two servers with two rounds each, a token that is revoked, changes of others, connections
 * that are lost at any point. PostgreSQL is what its clients see of it: a statement reads one snapshot of what is
 * committed, a commit becomes visible at once, and its acknowledgement comes after that.
 *
 * The property: a request that begins after the revocation was acknowledged is never accepted.
 *
 * Each of these breaks it, which shows that the model would notice:
 *   -DBUMP_OUTSIDE  the epoch is bumped by a transaction of its own, which may never come
 *   -DSEQUENCE      the epoch is a sequence, which moves before the commit
 *   -DASKED_EARLY   a request may be decided by an epoch that was asked before it arrived
 * And one that asserts too much, which shows that requests are accepted at all:
 *   -DREACHED       nothing is ever accepted
 */

#define SERVERS  2
#define ROUNDS   2
#define CLIENTS  2
#define REQUESTS 2

#define NONE        0
#define ACCEPTED    1
#define REFUSED     2
#define UNAVAILABLE 3

/* Committed in PostgreSQL. */
bool alive = true;
byte epoch = 1;

/* What whoever revokes has been told. */
bool acknowledged = false;

/* Of each server: the requests that wait for a round, and the token's state as it was read under some epoch. */
byte waiting[SERVERS];
bool is_kept[SERVERS];
bool kept_alive[SERVERS];
byte kept_epoch[SERVERS];

byte verdict[CLIENTS];

inline tell(requests, outcome)
{
    d_step {
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
}

proctype Client(byte me)
{
    byte sent, server;
    bool begun_after;
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
        d_step { verdict[me] = NONE; begun_after = false; server = 0 }
    :: else -> break
    od
}

/* One connection of a server's gate. Answers travel: between a statement's snapshot and what the server does with it, anything
 * may happen. */
proctype Round(byte server)
{
    byte mine, seen, read_epoch;
    bool read_alive;
end:
    do
#ifdef ASKED_EARLY
    :: seen == 0 -> seen = epoch
    :: atomic { seen != 0 && waiting[server] != 0 -> mine = waiting[server]; waiting[server] = 0 };
#else
    :: atomic { waiting[server] != 0 -> mine = waiting[server]; waiting[server] = 0 };
        if
        :: seen = epoch
        :: tell(mine, UNAVAILABLE); goto end
        fi;
#endif
        if
        :: atomic { is_kept[server] && kept_epoch[server] == seen ->
            if
            :: kept_alive[server] -> tell(mine, ACCEPTED)
            :: else -> tell(mine, REFUSED)
            fi }
        :: else ->
            if
            :: d_step { read_epoch = epoch; read_alive = alive }
            :: tell(mine, UNAVAILABLE); seen = 0; goto end
            fi;
            atomic {
                is_kept[server] = true;
                kept_epoch[server] = read_epoch;
                kept_alive[server] = read_alive;
                if
                :: read_alive -> tell(mine, ACCEPTED)
                :: else -> tell(mine, REFUSED)
                fi;
                read_epoch = 0;
                read_alive = false
            }
        fi;
        seen = 0
    od
}

/* The connection may be lost after the commit: then it is the next look that tells that the token has ended. Either way the
 * acknowledgement comes at some time after the commit. */
proctype Revocation()
{
#if defined(BUMP_OUTSIDE)
    alive = false;
    if
    :: epoch = epoch + 1
    :: skip
    fi;
#elif defined(SEQUENCE)
    epoch = epoch + 1;
    alive = false;
#else
    d_step { alive = false; epoch = epoch + 1 };
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
        for (i : 0 .. SERVERS - 1) {
            run Round(i);
            run Round(i)
        }
        for (i : 0 .. CLIENTS - 1) {
            run Client(i)
        }
        run Revocation();
        run Other()
    }
}
