/* The number of processors that this process may use. A container or a service often gets fewer than the
 * machine has, and threads beyond that number only wait, holding memory. */
#ifndef COMMON_PROCESSORS_H
#define COMMON_PROCESSORS_H

/* The processors that it may run on (sched_setaffinity(2)), or fewer if its control group, or one above it,
 * limits its time (cpu.max of cgroups(7) version 2; a fraction of a processor counts as one). 1 at least. */
int processors_usable(void);

/* The limit of time alone; 0: no limit. `self` is the path of the process's list of groups
 * (/proc/self/cgroup), `root` that of the folder of all groups (/sys/fs/cgroup). */
int processors_by_quota(const char *self, const char *root);

#endif
