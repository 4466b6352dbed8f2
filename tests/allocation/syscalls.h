/* syscalls.h: refuses calls of the system on demand, as a full disk, a pulled plug or a forbidden
 * folder would. Only for files in allocation_test_sources, whose executable is linked with --wrap.
 */
#ifndef WG_TESTS_SYSCALLS_H
#define WG_TESTS_SYSCALLS_H

/* Grants `granted` of the calls that writing a file makes (open, write, fchmod, fsync, close,
 * rename) and refuses the next one with `reason` (an errno); those behind it are granted. A
 * negative number grants all. Counts from 0 again. */
void wg_test_refuse_call(long granted, int reason);

/* Calls since then. */
long wg_test_calls(void);

/* Their names, each with a blank behind it, one for writes in a row. A call on another file than
 * the one opened last has a "?" before its name. */
const char *wg_test_call_names(void);

/* From now on each write takes at most that many bytes, and is interrupted every other time; 0 ends
 * it. */
void wg_test_short_writes(unsigned long bytes);

#endif
