/* How many processors there are for this process: a container or a service is often given fewer than the
 * machine has, and threads beyond them only wait, with their memory. */
#ifndef COMMON_PROCESSORS_H
#define COMMON_PROCESSORS_H

/* Those that it may run on (sched_setaffinity(2)), or fewer where its control group, or one above it, limits
 * its time (cpu.max of cgroups(7) version 2; a part of a processor counts as one). 1 at least. */
int processors_usable(void);

/* The limit of time alone. `self` is the process's file of groups, `root` where the groups' files are:
 * /proc/self/cgroup and /sys/fs/cgroup. 0: no limit. */
int processors_by_quota(const char *self, const char *root);

#endif
