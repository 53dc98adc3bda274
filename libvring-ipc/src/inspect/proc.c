/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Walks /proc/PID/fd of one process or of all of them. */
#include "inspect/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inspect/peek.h"
#include "core/region.h"

#define LINK_TEXT "/memfd:" REGION_MEMFD_NAME " (deleted)"

/* Which mount a descriptor of our own is on: the kernel's word, without a question to whatever file
 * system it is. Returns: the id; a negative errno. */
static int64_t mount_of(int fd)
{
	char path[64], text[512], *line;
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -errno;
	n = read(info, text, sizeof(text) - 1);
	close(info);
	if (n < 0)
		return -EIO;
	text[n] = '\0';
	line = strstr(text, "mnt_id:");
	return line ? strtoll(line + strlen("mnt_id:"), NULL, 10) : -EOPNOTSUPP;
}

int proc_open(struct proc *ret_proc)
{
	struct proc proc;
	int fd;

	fd = memfd_create("vring-ipc-probe", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	proc.memfd_mount = mount_of(fd);
	close(fd);
	if (proc.memfd_mount < 0)
		return (int)proc.memfd_mount;
	proc.root = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc.root < 0)
		return -errno;
	*ret_proc = proc;
	return 0;
}

void proc_close(struct proc *proc)
{
	close(proc->root);
}

/* The process decides what its descriptors are, also between two of our calls: so it is taken first
 * and judged afterwards. */
static int try_file(const struct proc *proc, pid_t pid, int dir, const char *name, proc_file_fn *fn,
		    void *data)
{
	struct proc_file file = { .pid = pid };
	char target[sizeof(LINK_TEXT) + 1];
	struct stat st;
	ssize_t n;
	int r = 0;

	n = readlinkat(dir, name, target, sizeof(target));
	if (n != (ssize_t)strlen(LINK_TEXT) || memcmp(target, LINK_TEXT, (size_t)n) != 0)
		return 0;
	/* The mode of the link is that of the descriptor. A side can write; one who cannot looks on,
	 * as we do. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !(st.st_mode & S_IWUSR))
		return 0;
	file.path_fd = openat(dir, name, O_PATH | O_CLOEXEC);
	if (file.path_fd < 0)
		return 0;
	if (mount_of(file.path_fd) == proc->memfd_mount && fstat(file.path_fd, &st) == 0) {
		file.dev = st.st_dev;
		file.ino = st.st_ino;
		r = fn(&file, data);
	}
	close(file.path_fd);
	return r;
}

/* Why a folder of a process cannot be read, by errno. */
static int why_not(void)
{
	return errno == ENOENT ? -ESRCH : errno == EPERM ? -EACCES : -errno;
}

int proc_each_file(const struct proc *proc, pid_t pid, proc_file_fn *fn, void *data)
{
	struct dirent *entry;
	char path[32];
	int fd, r = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	fd = openat(proc->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return why_not();
	dir = fdopendir(fd);
	if (!dir) {
		r = why_not(); /* the process may end at any moment */
		close(fd);
		return r;
	}
	errno = 0;
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			r = try_file(proc, pid, fd, entry->d_name, fn, data);
		errno = 0;
	}
	if (r == 0 && errno == EACCES)
		r = -EACCES;
	closedir(dir);
	return r;
}

/* The pid that a name in /proc is, 0 when it is none. */
static pid_t pid_of(const char *name)
{
	char *end;
	long pid;

	if (name[0] < '1' || name[0] > '9')
		return 0;
	pid = strtol(name, &end, 10);
	return *end == '\0' && pid <= INT_MAX ? (pid_t)pid : 0;
}

int proc_each_process(const struct proc *proc, proc_file_fn *fn, void *data,
		      struct proc_counts *ret_counts)
{
	struct proc_counts counts = { 0 };
	struct dirent *entry;
	int fd, r = 0;
	DIR *dir;

	fd = openat(proc->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		pid_t pid = pid_of(entry->d_name);

		if (!pid)
			continue;
		r = proc_each_file(proc, pid, fn, data);
		counts.readable += r == 0;
		counts.unreadable += r == -EACCES;
		/* What ended or hid meanwhile is not an error of the walk. */
		if (r == -EACCES || r == -ESRCH)
			r = 0;
	}
	closedir(dir);
	*ret_counts = counts;
	return r;
}

int proc_open_file(const struct proc_file *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->path_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EPERM ? -EACCES : -errno;
	return fd;
}

void proc_command(const struct proc *proc, pid_t pid, char *ret, size_t size)
{
	char path[32], text[64];
	ssize_t n;
	int fd;

	ret[0] = '\0';
	snprintf(path, sizeof(path), "%d/comm", (int)pid);
	fd = openat(proc->root, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 0)
		peek_escape(ret, size, text, (size_t)n);
}
