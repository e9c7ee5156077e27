/* Shared by the two halves of the decoder. */
#ifndef DMSIM_DECODE_H
#define DMSIM_DECODE_H

#include "internal.h"

u32 expand_compressed(u32 halfword); /* 0: illegal */

#endif
