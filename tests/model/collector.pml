// SPDX-License-Identifier: Apache-2.0
// The collector beside an ingest, removals and a crash with another ingest after it, as spin sees
// it: every interleaving of the steps that src/blocks takes under its locks. tests/model/check.sh runs it.
//
// One record is followed, with a snapshot `base` that needs it from the beginning and two ingests,
// one before a crash and one after, that end in snapshots that need it. In every state that can be reached:
//   - whoever has a manifest on disk finds the record, also after a crash in this very state
//   - nobody who has a manifest finds it condemned (no false alarm, no true one)
// With -DBUG=n a rule is broken, and the check must fail:
#define PARDON_ON_HIT   1 // a dedup hit pardons
#define LEASE           2 // what a living ingest found is kept
#define PARDON_ON_DISK  3 // pardons are durable before the manifest
#define CLOSED_VIEWS    4 // views that close while the collector marks are remembered
#define LOOK_AGAIN      5 // the sweep asks under the lock whether the record was pardoned
#define RECORD_FIRST    6 // the record is durable before the manifest
#define UNLINK_LATE     7 // the index forgets the record before its file goes
#ifndef BUG
#define BUG 0
#endif
#define EPOCHS  4 // collections in all
#define GRACE   2
#ifndef CRASHES
#define CRASHES 1 // with 0 the two ingests live at once instead
#endif

// On disk: the record, and since when it is condemned. `ghost` is its copy in a pack that the sweep
// has dropped and whose unlinking may not be durable.
bool stored, ghost;
byte d_condemned, d_ghost_condemned, d_epoch;
bool base, snapshot[2]; // manifests

// In the writer's memory; lost in a crash.
bool known;     // the index has the record
bool unsynced;  // it is appended, not durable
byte condemned, epoch;
bool touched;   // by an ingest since the floor of the collection
bool lease[2];  // of ingests that are alive and have found or written the record
byte views;     // of the base, open
bool closed;    // one closed while the collector marks
bool marking;

byte life, crashes, running; // processes of an earlier life end at their next step
bool alarm;

#define STEP atomic { if :: mine != life -> goto ended :: else -> skip fi;
#define DONE }

inline lose_memory()
{
    if
    :: ghost -> stored = true; d_condemned = d_ghost_condemned // the older pack is loaded first
    :: ghost -> skip                                           // its unlinking did reach the disk
    :: !ghost -> skip
    fi;
    ghost = false; d_ghost_condemned = 0;
    known = stored; unsynced = false;
    condemned = (stored -> d_condemned : 0);
    epoch = d_epoch;
    touched = false; lease[0] = false; lease[1] = false;
    views = 0; closed = false; marking = false
}

inline make_durable(save_condemned)
{
    STEP
        if :: unsynced -> stored = true; unsynced = false :: else -> skip fi
    DONE
    STEP
        if
        :: save_condemned -> d_condemned = condemned; d_ghost_condemned = 0; d_epoch = epoch
        :: else -> skip
        fi
    DONE
}

inline publish()
{
    STEP snapshot[me] = true; if :: known && condemned -> alarm = true :: else -> skip fi DONE
}

proctype ingest(byte me; byte mine)
{
    bool over_base;
    STEP // begin(): over the base, whose pages are kept without a touch, or from nothing
        if
        :: base -> over_base = true; views++
        :: over_base = false
        fi
    DONE
    if
    :: !over_base ->
        STEP // touch() or append(), under the index's lock
            if
            :: known && BUG != PARDON_ON_HIT -> condemned = 0
            :: known && BUG == PARDON_ON_HIT -> skip
            :: !known -> known = true; unsynced = true; condemned = 0
            fi;
            touched = true;
            lease[me] = (BUG != LEASE)
        DONE
    :: over_base -> skip
    fi;
    if :: BUG == RECORD_FIRST -> publish() :: else -> skip fi;
    make_durable(BUG != PARDON_ON_DISK);
    publish();
    STEP // the ingest ends
        lease[me] = false;
        if :: over_base -> views--; closed = (closed || (marking && BUG != CLOSED_VIEWS))
           :: else -> skip
        fi
    DONE
ended:
    running--
}

proctype remover() // DeleteSnapshot, at any time
{
    do
    :: atomic { base -> base = false }
    :: atomic { snapshot[0] -> snapshot[0] = false }
    :: atomic { snapshot[1] -> snapshot[1] = false }
    :: break
    od
}

proctype collector(byte mine)
{
    bool reached, listed_base, listed[2], drop;
    do
    :: epoch >= EPOCHS -> break
    :: else ->
        STEP // begin_collect(): from here on touches count, and those of ingests that are alive
            marking = true; closed = false; reached = false;
            touched = lease[0] || lease[1]
        DONE
        STEP listed_base = base; listed[0] = snapshot[0]; listed[1] = snapshot[1] DONE
        STEP // a manifest that is gone by now was removed
            reached = (listed_base && base) || (listed[0] && snapshot[0]) ||
                      (listed[1] && snapshot[1]);
            listed_base = false; listed[0] = false; listed[1] = false
        DONE
        STEP reached = reached || views > 0 || closed; marking = false DONE
        STEP // judge()
            epoch++;
            if
            :: !known -> skip
            :: known && (reached || touched) ->
                alarm = (alarm || condemned != 0);
                condemned = 0
            :: known && !reached && !touched ->
                condemned = (condemned -> condemned : epoch)
            fi;
            drop = known && condemned && condemned + GRACE <= epoch;
            reached = false
        DONE
        make_durable(true);
        STEP // the sweep drops the entry under the index's lock …
            drop = drop && (BUG == LOOK_AGAIN || (known && condemned && !touched));
            if
            :: drop && BUG != UNLINK_LATE ->
                known = false; condemned = 0; unsynced = false;
                ghost = stored; stored = false;
                d_ghost_condemned = d_condemned; d_condemned = 0
            :: else -> skip
            fi
        DONE
        STEP // … and then unlinks the pack
            if
            :: drop && BUG == UNLINK_LATE -> stored = false
            :: else -> ghost = false; d_ghost_condemned = 0
            fi;
            drop = false
        DONE
    od;
ended:
    running--
}

proctype power()
{
    do
    :: crashes < CRASHES ->
        atomic { crashes++; life++; lose_memory() }
        atomic { // recovery, once nothing of the former life runs
            running == 0 ->
            running = 2; run collector(life); run ingest(1, life)
        }
    :: break
    od
}

#define ON_DISK (stored || ghost)
proctype watch()
{
end:
    atomic {
        (alarm || ((base || snapshot[0] || snapshot[1]) && !(known && ON_DISK) && running > 0)) ->
        assert(false)
    }
}

init {
    atomic {
        stored = true; known = true; base = true;
        running = 2; run collector(0); run ingest(0, 0);
#if CRASHES == 0
        running = 3; run ingest(1, 0);
#endif
        run remover(); run power(); run watch()
    }
}
