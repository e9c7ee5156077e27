/* SPDX-License-Identifier: Apache-2.0 */
/* For the parts that platforms are made of. */
#ifndef DEEPLOY_FAIL_H
#define DEEPLOY_FAIL_H

/* Says what the program did wrong, and ends it. Every platform that uses such a part has one; hosted.c brings it. */
_Noreturn void dm_fail(const char *what);

#endif
