#!/bin/sh
# run.sh FOLDER [NAME...]: do the unit tests of rounds and keys see what would break them? Each of
# the mutants below is one change to round.c, round.h or kdf.c, or to what group.c and sa.c make of
# them; the module is built with it and suites sipsec_round*, sipsec_group and sipsec_kdf have to
# fail in User Mode Linux. Leaves in FOLDER what each of them said, and table, a line
# "pass|fail SECONDS COUNT NAME REASON".
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
check=mutants
. selftests/mutants/common.sh

# tests NAME: leaves in the folder NAME what failed.
tests() {
	"$tree/selftests/vm/kunit.sh" "$folder/$1" 'sipsec_[rgk]*' >"$folder/$1.log" 2>&1 && return
	awk '$1 == "fail" { print $4; exit }' "$folder/$1/table" >"$folder/$1.why"
	false
}

if [ -z "${APPLY:-}" ] && { ! build || ! tests none; }; then
	tail -n 5 "$folder/build.log" "$folder/none.log"
	wrong none "the tests fail without a mutant"
	exit 1
fi

# Sending
mutant last-early round.h 'likely(nth < rotate)' 'likely(nth <= rotate)'
mutant last-late round.h 'nth == rotate' 'nth == rotate + 1'
mutant no-limit round.h 'SIPSEC_ROUND_OVER : SIPSEC_ROUND_STOP' \
	'SIPSEC_ROUND_OVER : SIPSEC_ROUND_OVER'
mutant limit-past-suite round.h 'min_t(u64, late, most) + 1' 'late + 1'
mutant advance-unready round.c 'current_round + 1 >= o->end' 'current_round >= o->end'
mutant advance-twice round.c 'o->current_round++' 'o->current_round += 2'
mutant advance-never round.c 'o->current_round++;
	o->asked' 'o->asked'
mutant ready-less round.c 'o->end <= o->current_round + (' 'o->end < o->current_round + ('
mutant ready-unasked round.c 'o->lazy && !o->asked ? 0 : o->ahead' 'o->ahead'
mutant ready-never round.c 'o->lazy && !o->asked ? 0 : o->ahead' 'o->lazy ? 0 : o->ahead'
mutant asked-stays round.c '	o->asked = false;
' ''
mutant asked-again round.c '!o->lazy || o->asked' '!o->lazy'
mutant half-of-short round.h 'rotate < SIPSEC_ROUND_LONG ? 0 : rotate / 2' 'rotate / 2'
mutant half-late round.h 'rotate < SIPSEC_ROUND_LONG ? 0 : rotate / 2' \
	'rotate < SIPSEC_ROUND_LONG ? 0 : rotate - 1'
mutant half-passed group.c 'unlikely(nth == group->half)' '0'
mutant late-asks-not group.c '		ask(group);
		return false;' '		return false;'
mutant request-waits-not group.c '	flush_delayed_work(&group->work);
	return advance_locked' '	return advance_locked'
mutant ahead-none round.c 'rotate, 1, SIPSEC_LOOKAHEAD_MAX' 'rotate, 0, SIPSEC_LOOKAHEAD_MAX'
mutant octets-late-uncounted group.c 'unlikely(group->thresholds_set) && over(group, sa)' \
	'0 && over(group, sa)'
mutant retired-at-once sa.c 'call_rcu(&sa->rcu, retired)' 'retired(&sa->rcu)'
mutant octets-over round.h 'octets >= t->octets' 'octets > t->octets'
mutant time-never round.h 'time_after_eq(now, began + t->time)' '0'
mutant idle-from-begin round.h 'time_after_eq(now, last + t->idle)' \
	'time_after_eq(now, began + t->idle)'
mutant tick-of-another round.h 'time_after_eq(now, last + t->idle)' 'now - last >= t->idle'

# Receiving
mutant spi-of-512 round.h '(round & 0xff)' '(round & 0x1ff)'
mutant future-128 round.h '#define SIPSEC_ROUND_FUTURE	127' '#define SIPSEC_ROUND_FUTURE	128'
mutant seek-any round.c 'return round == w->sought' 'return round'
mutant seek-at-once round.c '!round || !may' '!round'
mutant saw-backwards round.c 'round <= w->current_round' 'round == w->current_round'
mutant saw-nothing round.c 'WRITE_ONCE(w->current_round, round)' '(void)round'
mutant lookahead-more round.c '(w->lazy ? 1 : w->lookahead)' '(w->lazy ? 1 : w->lookahead + 1)'
mutant lookahead-at-once round.c '(w->lazy ? 1 : w->lookahead)' 'w->lookahead'
mutant lookahead-none round.c '(w->lazy ? 1 : w->lookahead)' '(w->lazy ? 0 : w->lookahead)'
mutant lookahead-never round.c '	w->lazy = false;
' ''
mutant lookahead-one round.c 'sipsec_round_ahead(rotate), SIPSEC_ROUND_LOOKAHEAD_MIN' \
	'sipsec_round_ahead(rotate), 1'
mutant grace-short round.c 'DIV_ROUND_UP(replay, rotate) + 1' 'DIV_ROUND_UP(replay, rotate)'
mutant grace-for-ever round.c 'return grace_over || ' 'return grace_over && '
mutant retire-current round.c 'if (w->first >= w->current_round)' \
	'if (w->first > w->current_round)'
mutant catch-up-never round.c 'w->current_round >= w->end && w->first' \
	'w->current_round > U32_MAX && w->first'
mutant adopt-other round.c 'w->candidate && w->candidate == w->end' 'w->candidate'
mutant stalled-blocks round.c 'want_install(w) && !clock->stalled' 'want_install(w)'
mutant search-without-end round.c 'w->sought < w->end || clock->seek_over' 'w->sought < w->end'
mutant search-for-the-installed round.c '(w->sought < w->end || clock->seek_over)' \
	'clock->seek_over'
mutant try-again-and-again round.c 'w->sought && !w->candidate' 'w->sought'
mutant failed-is-installed round.c 'w->end += ok' 'w->end++'
mutant failed-is-on-trial round.c 'ok ? w->sought : 0' 'w->sought'
mutant failed-stays-sought round.c '		w->sought = w->candidate;
' ''
mutant caught-up-below round.c '		w->end = w->candidate;
' ''
mutant adopted-twice round.c '		w->end++;
		fallthrough' '		fallthrough'
mutant given-up-stays round.c '		w->candidate = 0;
' ''

# Keys
mutant chain-label kdf.c 'sipsec v1 chain ' 'sipsec v2 chain '
mutant no-direction kdf.c "p[len] = direction" "p[len] = 'O'"
mutant chain-stays kdf.c '		memcpy(chain->key, next, chain->len);
' ''
mutant chain-part kdf.c 'memcpy(chain->key, next, chain->len)' 'memcpy(chain->key, next, 16)'
mutant round-stays kdf.c '		chain->round++;
' ''
mutant next-of-this kdf.c 'put_unaligned_be64(chain->round + 1, p)' \
	'put_unaligned_be64(chain->round, p)'
mutant round-32 kdf.c 'put_unaligned_be64(chain->round, p + 6)' \
	'put_unaligned_be64((u32)chain->round, p + 6)'
mutant spi-left-out kdf.c 'put_unaligned_be32(spi, p + 2)' 'put_unaligned_be32(0, p + 2)'
mutant suite-left-out kdf.c 'put_unaligned_be16(suite, p)' 'put_unaligned_be16(1, p)'
mutant counter-stays kdf.c 'done += n, counter++' 'done += n'
mutant blocks-apart kdf.c '!err && done)' '!err && done && 0)'
mutant too-long kdf.c 'memcpy(out + done, t, n)' 'memcpy(out + done, t, l)'
mutant key-of-master kdf.c 'p = put_label(info, "sipsec v1 keys "' \
	'p = put_label(info, "sipsec v1 next "'
mutant failed-left kdf.c '		memzero_explicit(chain->key, chain->len);
' '		;
'
mutant failed-keymat-left kdf.c '		memzero_explicit(keymat, len);
' ''

finished
