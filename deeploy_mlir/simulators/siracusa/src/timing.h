/* Every fitted number of the timing model, in cluster cycles on top of the base cost of one cycle an instruction.
   Fitted on single-instruction loops, cache, barrier and DMA micro-benchmarks of the SoC's public simulator. */
#ifndef DMSIM_TIMING_H
#define DMSIM_TIMING_H

#define MAX_AHEAD 1000   /* a core that never touches memory returns to the scheduler after so many cycles */
#define T_BRANCH 2       /* taken branch */
#define T_JUMP 1
#define T_MUL 2          /* mul in total; one more if the next instruction uses the result */
#define T_MULH 5         /* mulh, mulhu, mulhsu in total */
#define T_FDIV 11        /* fdiv.s and fsqrt.s in total, on the one divider of the cluster */
#define T_FDIV_SWITCH 3  /* from the end of a division to the start of another core's that waits for it */
#define CORES_PER_FPU 2  /* neighbours share one, which takes one operation a cycle; results are there in the next */
#define T_HAZARD 1       /* the next instruction uses a loaded value or a product */
#define T_FC_L2 0
#define T_FC_L1 14
#define T_FC_DEVICE 14
#define T_FC_LINE 5      /* the fabric controller has no cache: every 16-byte line comes from L2 */
#define T_PE_L2 14
#define T_L2_PORT 1
#define T_PE_WMEM 4
#define T_PE_DEVICE 0
#define T_PE_NEUREKA 2   /* register access of the engine from a cluster core */
#define T_PE_STDOUT 22
#define T_L0_MISS 2
#define T_L1_MISS 16     /* shared cache line from L2; a core that hits a line on its way waits for it */
#define T_ELW 4          /* p.elw whose event is already there */
#define T_WAKE 6         /* event to the next instruction of a sleeping core */
#define T_START 20       /* fetch enable to the first instruction */
#define T_DMA_START 6    /* command complete to first byte */
#define DMA_BYTES_PER_CYCLE 8
#define T_L3DMA_START 200 /* of each job; then a byte a cycle, in one direction at a time */
#define T_PE_L3DMA 14     /* register access from a cluster core */

/* N-EUREKA: a job, its tiles of 6x6 outputs and 32 (depthwise 28) output channels, in cycles beside those of the work */
#define T_NEUREKA_START 2 /* from the store that starts it to its first tile, and its end */
#define NK_LOAD 6         /* before the inputs of a tile of input channels, one cycle each */
#define NK_LOAD_1X1 42    /* all inputs of a 1x1 tile, always */
#define NK_WEIGHTS 6      /* before the weights, one cycle for each output channel and bit */
#define NK_WEIGHTS_1X1 10 /* the same for 1x1, where all bits of a channel come at once */
#define NK_PRODUCTS 8     /* from the last weights of a 3x3 tile on */
#define NK_DEPTHWISE 34   /* instead of NK_WEIGHTS and NK_PRODUCTS */
#define NK_SHIFTS 8       /* loading a shift for each channel */
#define NK_SCALES 9       /* beside one cycle for each scale of 32 bits, or four of 8 */
#define NK_BIASES 8       /* beside loading biases, four cycles */
#define NK_STORE_1X1 3

#endif
