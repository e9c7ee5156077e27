/* SPDX-License-Identifier: Apache-2.0 */
/* one_core.c: a cluster of the host core alone, and transfers that are complete when they start. */
#ifndef DM_ONE_CORE_H
#define DM_ONE_CORE_H

/* The platform's: says what the program did wrong, and ends it. */
_Noreturn void dm_fail(const char *what);

#endif
