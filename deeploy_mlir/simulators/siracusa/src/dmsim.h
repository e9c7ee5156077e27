/* Cycle-approximate simulator of the Siracusa SoC: what its users call. One Sim is one SoC; any number may live in a
   process, each used by one thread at a time. */
#ifndef DMSIM_H
#define DMSIM_H

#include <stdint.h>

typedef struct Sim Sim;

#if defined(_WIN32)
#define DMSIM_API __declspec(dllexport)
#else
#define DMSIM_API __attribute__((visibility("default")))
#endif

enum { DMSIM_RUNNING, DMSIM_EXITED, DMSIM_FAULTED, DMSIM_DEADLOCK }; /* what dmsim_run returns */
enum { DMSIM_NO_ICACHE = 1, DMSIM_L1_ALIAS = 2, DMSIM_NO_NEUREKA = 4 }; /* flags of a machine */
#define DMSIM_MAX_CORES 16
#define DMSIM_MAX_L1 0x40000u
#define DMSIM_MAX_L2 0x200000u
#define DMSIM_MAX_WMEM 0x800000u
#define DMSIM_MAX_L3 0x10000000u
#define DMSIM_MAX_REGIONS 1024

/* indices into the counters of a core or of a region, see dmsim_core and dmsim_region */
enum {
  DMSIM_CYCLES,
  DMSIM_INSTRUCTIONS,
  DMSIM_STALL_BANK, /* another core had the L1 bank, or the access was misaligned */
  DMSIM_STALL_L2,   /* an access to L2 or weight memory, or the host core's to L1 */
  DMSIM_STALL_ICACHE,
  DMSIM_STALL_HAZARD,  /* load-use, mul-use */
  DMSIM_STALL_BRANCH,  /* taken branches and jumps */
  DMSIM_STALL_BARRIER, /* asleep at a barrier */
  DMSIM_STALL_EVENT,   /* asleep for another event, such as the end of a DMA transfer */
  DMSIM_STALL_DEVICE,  /* registers of devices, full queues */
  DMSIM_STALL_FPU,     /* another core had the FPU, or the divider */
  DMSIM_CORE_COUNTERS,
  DMSIM_DMA_IN = DMSIM_CORE_COUNTERS, /* bytes that arrived in L1 */
  DMSIM_DMA_OUT,
  DMSIM_DMA_BUSY, /* cycles with a transfer under way */
  DMSIM_L3DMA_IN, /* bytes that arrived in L2 */
  DMSIM_L3DMA_OUT,
  DMSIM_ACTING, /* cycles in which exactly a set of actors is at work, 16 counters: the index is the sum of theirs */
  DMSIM_ACTING_LAST = DMSIM_ACTING + 15,
  DMSIM_COUNTERS
};

/* actors: any cluster core that is not asleep, and engines and DMAs from the command to the completion */
enum { DMSIM_CORES = 1, DMSIM_MCHAN = 2, DMSIM_NEUREKA = 4, DMSIM_L3DMA = 8 };

typedef struct {
  int32_t kind; /* DMSIM_FAULT_... */
  int32_t core; /* index; the host core is the number of cluster cores */
  uint32_t pc, address;
  char message[200];
} DmsimFault;

enum {
  DMSIM_FAULT_NONE,
  DMSIM_FAULT_UNMAPPED,
  DMSIM_FAULT_DEVICE,
  DMSIM_FAULT_MISALIGNED,
  DMSIM_FAULT_ILLEGAL,
  DMSIM_FAULT_FETCH,
  DMSIM_FAULT_BREAKPOINT,
  DMSIM_FAULT_DMA,
  DMSIM_FAULT_NEUREKA,
  DMSIM_FAULT_REGION,
  DMSIM_FAULT_OUTPUT
};

/* A SoC of the family: cluster cores (1 .. DMSIM_MAX_CORES) and bytes of its memories, multiples of 256; the last two may
   be 0, for none. With an L3 there is a DMA between it and L2 (l3dma.c). */
typedef struct {
  uint32_t cores, l1_bytes, l2_bytes, wmem_bytes, l3_bytes, flags;
} DmsimMachine;

/* A SoC, memories full of garbage; NULL for a machine outside these limits, or without memory for it. */
DMSIM_API Sim *dmsim_new(const DmsimMachine *machine);
DMSIM_API void dmsim_free(Sim *s);

/* Copies between the caller and the memories; -1 if a byte is outside L1, L2, weight memory and L3. */
DMSIM_API int dmsim_write(Sim *s, uint32_t address, const void *from, uint32_t n);
DMSIM_API int dmsim_read(Sim *s, uint32_t address, void *to, uint32_t n);

/* Sets where the host core starts. Call once, before dmsim_run. */
DMSIM_API void dmsim_start(Sim *s, uint32_t entry);

/* Runs until the program ends in some way or all cores have passed cycle `until`; may be called again while it returns
   DMSIM_RUNNING. */
DMSIM_API int dmsim_run(Sim *s, uint64_t until);

DMSIM_API int32_t dmsim_exit_code(const Sim *s);
DMSIM_API const DmsimFault *dmsim_fault(const Sim *s);
DMSIM_API const char *dmsim_output(const Sim *s, uint64_t *n); /* the lines printed so far */

/* Adds the lines that cores have begun and not ended to the output. */
DMSIM_API void dmsim_flush(Sim *s);

/* What every core is doing, as text of at most n - 1 bytes: for deadlocks and time limits. */
DMSIM_API void dmsim_report(const Sim *s, char *to, uint32_t n);

/* Counters of a core since its start (index `cores` is the host core); the DMA's are the SoC's. */
DMSIM_API void dmsim_core(const Sim *s, uint32_t core, uint64_t counters[DMSIM_COUNTERS]);

/* Counters of a core within a region; returns how many times the core has been through it. A region still open counts
   up to now. */
DMSIM_API uint64_t dmsim_region(const Sim *s, uint32_t core, uint32_t region, uint64_t counters[DMSIM_COUNTERS]);

/* The first region from `from` on that a core has entered, or DMSIM_MAX_REGIONS. */
DMSIM_API uint32_t dmsim_next_region(const Sim *s, uint32_t from);

#endif
