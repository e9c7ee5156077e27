/* The host platform: one core and one memory. */
#ifndef DM_PORT_H
#define DM_PORT_H

#ifndef DM_CORES
#define DM_CORES 1
#endif

#define DM_RAM
#define DM_RAM_NOINIT

#endif
