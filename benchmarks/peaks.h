/* peaks.h: what this machine can do at best, measured: the limits that benchmarks are held against.
 */
#ifndef WG_BENCHMARKS_PEAKS_H
#define WG_BENCHMARKS_PEAKS_H

/* Float32 operations a second of fused multiply-adds on registers, with the widest vectors at hand;
 * 0: unknown. */
double bench_peak_flops(int threads);

/* Bytes a second, read and written, of copying an array far larger than the cache. */
double bench_peak_bytes(int threads);

#endif
