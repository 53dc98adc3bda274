/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Finds the regions among the open files of processes, by /proc. Nothing here can be made to wait
 * by the process that is looked at: a descriptor is first taken without opening the file (O_PATH),
 * recognised as a memfd by its mount, and opened, for reading alone, only then.
 */
#ifndef INSPECT_PROC_H
#define INSPECT_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What is the same during one walk. */
struct proc {
	int root; /* /proc */
	int64_t memfd_mount; /* where the kernel keeps memfds */
};

/* Returns: 0; a negative errno when /proc is not there or not whole. */
int proc_open(struct proc *ret_proc);
void proc_close(struct proc *proc);

/* A memfd with the name of a region in the hands of a process that can write to it. */
struct proc_file {
	pid_t pid;
	dev_t dev;
	ino_t ino;
	int path_fd; /* O_PATH; borrowed */
};

/* Returns: 0 to go on; anything else ends the walk and is what the walk returns. */
typedef int proc_file_fn(const struct proc_file *file, void *data);

/* Calls @fn for each of them that process @pid holds. Returns: 0; -ESRCH; -EACCES; what @fn
 * returned. */
int proc_each_file(const struct proc *proc, pid_t pid, proc_file_fn *fn, void *data);

struct proc_counts {
	unsigned readable, unreadable; /* processes */
};

/* The same for every process of the host that may be looked into. */
int proc_each_process(const struct proc *proc, proc_file_fn *fn, void *data,
		      struct proc_counts *ret_counts);

/* Opens what @file names, for reading alone. Returns: the descriptor; -EACCES and other negative
 * errnos. */
int proc_open_file(const struct proc_file *file);

/* The name of a process, escaped, "" when it is gone. */
void proc_command(const struct proc *proc, pid_t pid, char *ret, size_t size);

#endif
