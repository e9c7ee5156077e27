/* The threads platform: ordinary static arrays stand for both memories. */
#ifndef DM_PORT_H
#define DM_PORT_H

#ifndef DM_CORES
#define DM_CORES 8
#endif

#define DM_L1
#define DM_L2
#define DM_WMEM
#define DM_L2_NOINIT

#endif
