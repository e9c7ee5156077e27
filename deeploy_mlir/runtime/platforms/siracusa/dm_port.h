/* Siracusa: 8 cluster cores on 256 KiB of L1 at 0x10000000; everything else lives in L2 at 0x1c010000. */
#ifndef DM_PORT_H
#define DM_PORT_H

#ifndef DM_CORES
#define DM_CORES 8
#endif

/* The names start with .bss so that compilers emit no bytes for them; link.ld keeps them out of the zeroed range. */
#define DM_L1 __attribute__((section(".bss.dm_l1")))
#define DM_L2
#define DM_WMEM __attribute__((section(".wmem")))
#define DM_L2_NOINIT __attribute__((section(".bss.dm_l2_noinit")))

#endif
