/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Our own test runner, for where Criterion cannot run: under ThreadSanitizer, on other machines.
 *
 * Each test is forked from the runner, which has one thread, into a process group of its own. What
 * it prints goes to a memfd and is shown if it fails. The result of a check comes back in a page that
 * both share; a crash, a wrong exit status and a time-out are seen from outside. When a test has
 * ended, what is left of its group is killed.
 */
#include "runner.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS 64

enum verdict { PASSED, FAILED, SKIPPED };

/* What a test tells the runner. The first check that fails wins. */
struct slip {
	atomic_int claimed;
	enum verdict verdict;
	char text[2048];
};

struct job {
	pid_t pid; /* 0: free */
	const struct test__case *test;
	size_t index;
	struct slip *slip; /* shared with the test */
	int output; /* memfd of what it prints */
	double started;
	double deadline;
	bool timed_out;
};

struct options {
	const char *filter;
	int jobs;
	bool list;
	bool verbose;
};

static struct test__case *tests, **tests_end = &tests;
static struct options options;
static struct job jobs[MAX_JOBS];
static size_t counts[3];
static size_t number; /* of the TAP line */
static pid_t runner;

/* In the process of a test. */
static struct slip *slip;
static sigjmp_buf back;

void test__register(struct test__case *test)
{
	*tests_end = test;
	tests_end = &test->next;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* The test's side. */

static _Noreturn void leave(enum verdict verdict, const char *text)
{
	if (runner_in_forked_child()) {
		fprintf(stderr, "%s\n", text);
		_exit(verdict == FAILED ? 1 : 0);
	}
	if (atomic_exchange(&slip->claimed, 1) == 0) {
		slip->verdict = verdict;
		snprintf(slip->text, sizeof(slip->text), "%s", text);
	}
	if (!runner_in_main_thread()) {
		fflush(NULL);
		_exit(0);
	}
	siglongjmp(back, 1);
}

void test__fail(const char *file, int line, const char *format, ...)
{
	char text[sizeof(slip->text)];
	va_list args;
	int n;

	n = snprintf(text, sizeof(text), "%s:%d: ", file, line);
	va_start(args, format);
	vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	va_end(args);
	leave(FAILED, text);
}

void test__skip(const char *format, ...)
{
	char text[sizeof(slip->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	leave(SKIPPED, text);
}

static _Noreturn void run_in_child(const struct job *job, const sigset_t *mask)
{
	const struct test__opts *opts = &job->test->opts;
	int in, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != runner)
		_exit(1); /* it died before it could have been told */
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(in, 0);
	dup2(job->output, 1);
	dup2(job->output, 2);
	close(in);
	close(job->output);
	for (i = 0; i < options.jobs; i++) {
		if (jobs[i].pid)
			close(jobs[i].output);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	runner_enter_test();
	slip = job->slip;

	if (sigsetjmp(back, 1) == 0) {
		if (opts->init)
			opts->init();
		job->test->run(job->index);
	}
	if (sigsetjmp(back, 1) == 0 && opts->fini)
		opts->fini();
	/* Not _exit(): the leak check of AddressSanitizer runs at exit. */
	exit(0);
}

/* The runner's side. */

static const char *signal_name(int sig)
{
	static const struct {
		int sig;
		const char *name;
	} names[] = {
		{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },	{ SIGABRT, "SIGABRT" },
		{ SIGFPE, "SIGFPE" },	{ SIGILL, "SIGILL" },	{ SIGKILL, "SIGKILL" },
		{ SIGTERM, "SIGTERM" }, { SIGPIPE, "SIGPIPE" }, { SIGALRM, "SIGALRM" },
		{ SIGINT, "SIGINT" },	{ SIGSYS, "SIGSYS" },	{ SIGTRAP, "SIGTRAP" },
		{ SIGHUP, "SIGHUP" },	{ SIGUSR1, "SIGUSR1" }, { SIGUSR2, "SIGUSR2" },
		{ SIGXCPU, "SIGXCPU" }, { SIGXFSZ, "SIGXFSZ" }, { SIGQUIT, "SIGQUIT" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].sig == sig)
			return names[i].name;
	}
	return strsignal(sig);
}

static void full_name(const struct test__case *test, size_t index, char *name, size_t size)
{
	if (test->count)
		snprintf(name, size, "%s/%s[%zu]", test->suite, test->name, index);
	else
		snprintf(name, size, "%s/%s", test->suite, test->name);
}

/* The filter is matched against suite/name, so that all elements of a TestEach() go together. */
static bool is_wanted(const struct test__case *test)
{
	char name[512];

	snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
	return !options.filter || fnmatch(options.filter, name, 0) == 0;
}

static size_t repeats(const struct test__case *test)
{
	return test->count ? test->count : 1;
}

static enum verdict judge(const struct job *job, int status, char *why, size_t size)
{
	const struct test__opts *opts = &job->test->opts;

	if (job->timed_out) {
		snprintf(why, size, "timed out after %.0f s", job->deadline - job->started);
		return FAILED;
	}
	if (atomic_load(&job->slip->claimed) && job->slip->verdict == FAILED) {
		snprintf(why, size, "%s", job->slip->text);
		return FAILED;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) != opts->signal) {
		snprintf(why, size, "killed by %s", signal_name(WTERMSIG(status)));
		return FAILED;
	}
	if (WIFEXITED(status) && atomic_load(&job->slip->claimed) && WEXITSTATUS(status) == 0) {
		snprintf(why, size, "%s", job->slip->text);
		return SKIPPED;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) != opts->exit_code) {
		snprintf(why, size, "ended with status %d", WEXITSTATUS(status));
		return FAILED;
	}
	if (WIFEXITED(status) && opts->signal) {
		snprintf(why, size, "was to die of %s and did not", signal_name(opts->signal));
		return FAILED;
	}
	return PASSED;
}

static void show_output(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text, *line, *end;

	if (size <= 0)
		return;
	text = calloc(1, (size_t)size + 1);
	if (!text)
		return;
	if (pread(fd, text, (size_t)size, 0) == size) {
		for (line = text; line; line = end) {
			end = strchr(line, '\n');
			if (end)
				*end++ = '\0';
			if (end || *line)
				printf("#   %s\n", line);
		}
	}
	free(text);
}

static void finish(struct job *job, int status)
{
	char name[512], why[sizeof(job->slip->text)] = "";
	enum verdict verdict;

	kill(-job->pid, SIGKILL);
	verdict = judge(job, status, why, sizeof(why));
	full_name(job->test, job->index, name, sizeof(name));
	counts[verdict]++;
	number++;
	if (verdict == FAILED)
		printf("not ok %zu - %s (%.3f s)\n# %s\n", number, name, now() - job->started, why);
	else if (verdict == SKIPPED)
		printf("ok %zu - %s # SKIP %s\n", number, name, why);
	else
		printf("ok %zu - %s (%.3f s)\n", number, name, now() - job->started);
	if (verdict == FAILED || options.verbose)
		show_output(job->output);
	fflush(stdout);
	close(job->output);
	job->pid = 0;
}

static void start(struct job *job, const struct test__case *test, size_t index,
		  const sigset_t *mask)
{
	pid_t pid;

	job->test = test;
	job->index = index;
	job->timed_out = false;
	memset(job->slip, 0, sizeof(*job->slip));
	job->output = memfd_create("test-output", MFD_CLOEXEC);
	if (job->output < 0) {
		perror("memfd_create");
		exit(2);
	}
	/* The memfd's position is shared by everybody who writes to it. */
	job->started = now();
	job->deadline = job->started + runner_timeout(test->opts.timeout);

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_in_child(job, mask);
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	setpgid(pid, pid);
	job->pid = pid;
}

/* Collects every test that has ended and kills those whose time is over. */
static void reap(void)
{
	int i, status;

	for (i = 0; i < options.jobs; i++) {
		if (!jobs[i].pid)
			continue;
		if (waitpid(jobs[i].pid, &status, WNOHANG) == jobs[i].pid) {
			finish(&jobs[i], status);
		} else if (now() >= jobs[i].deadline && !jobs[i].timed_out) {
			jobs[i].timed_out = true;
			kill(-jobs[i].pid, SIGKILL);
			kill(jobs[i].pid, SIGKILL);
		}
	}
}

static _Noreturn void interrupted(int sig)
{
	int i;

	for (i = 0; i < options.jobs; i++) {
		if (jobs[i].pid)
			kill(-jobs[i].pid, SIGKILL);
	}
	runner_close_dir();
	exit(128 + sig);
}

/* Sleeps until a test ends, the next deadline comes, or somebody wants us to stop. */
static void wait_for_news(const sigset_t *news)
{
	double left = 3600;
	struct timespec timeout;
	int i, sig;

	for (i = 0; i < options.jobs; i++) {
		if (jobs[i].pid && jobs[i].deadline - now() < left)
			left = jobs[i].deadline - now();
	}
	if (left < 0.01)
		left = 0.01;
	timeout.tv_sec = (time_t)left;
	timeout.tv_nsec = (long)((left - (double)timeout.tv_sec) * 1e9);
	sig = sigtimedwait(news, NULL, &timeout);
	if (sig == SIGINT || sig == SIGTERM)
		interrupted(sig);
}

static struct job *free_job(void)
{
	int i;

	for (i = 0; i < options.jobs; i++) {
		if (!jobs[i].pid)
			return &jobs[i];
	}
	return NULL;
}

static bool any_running(void)
{
	int i;

	for (i = 0; i < options.jobs; i++) {
		if (jobs[i].pid)
			return true;
	}
	return false;
}

static void run_all(void)
{
	const struct test__case *test;
	sigset_t news, before;
	struct job *job;
	size_t index;
	int i;

	runner = getpid();
	sigemptyset(&news);
	sigaddset(&news, SIGCHLD);
	sigaddset(&news, SIGINT);
	sigaddset(&news, SIGTERM);
	sigprocmask(SIG_BLOCK, &news, &before);

	for (i = 0; i < options.jobs; i++) {
		jobs[i].slip = mmap(NULL, sizeof(struct slip), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (jobs[i].slip == MAP_FAILED) {
			perror("mmap");
			exit(2);
		}
	}
	for (test = tests; test; test = test->next) {
		for (index = 0; is_wanted(test) && index < repeats(test); index++) {
			while (!(job = free_job())) {
				wait_for_news(&news);
				reap();
			}
			start(job, test, index, &before);
		}
	}
	while (any_running()) {
		wait_for_news(&news);
		reap();
	}
}

static size_t list_or_count(void)
{
	const struct test__case *test;
	size_t total = 0, index;
	char name[512];

	for (test = tests; test; test = test->next) {
		for (index = 0; is_wanted(test) && index < repeats(test); index++) {
			total++;
			full_name(test, index, name, sizeof(name));
			if (options.list)
				printf("%s\n", name);
		}
	}
	return total;
}

static void usage(FILE *to, const char *program)
{
	fprintf(to,
		"usage: %s [--filter SUITE/GLOB] [--list] [--verbose] [-jN]\n"
		"  --filter GLOB  only the tests whose suite/name matches\n"
		"  --list         print the names and end\n"
		"  --verbose      show what passing tests print, too\n"
		"  -jN            run N tests at a time (default: the number of processors)\n",
		program);
}

/* The value of "--name VALUE" or "--name=VALUE" at *@i, or NULL if this is another option. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	if (argv[*i][len] == '\0' && *i + 1 < argc)
		return argv[++*i];
	return NULL;
}

static bool parse_args(int argc, char **argv)
{
	const char *value;
	int i;

	options.jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
	for (i = 1; i < argc; i++) {
		if ((value = value_of("--filter", argc, argv, &i)))
			options.filter = value;
		else if (strcmp(argv[i], "--list") == 0)
			options.list = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			options.verbose = true;
		else if (strncmp(argv[i], "-j", 2) == 0)
			options.jobs = atoi(argv[i] + 2);
		else
			return false;
	}
	if (options.jobs < 1)
		options.jobs = 1;
	if (options.jobs > MAX_JOBS)
		options.jobs = MAX_JOBS;
	return true;
}

int main(int argc, char **argv)
{
	size_t total;

	if (!parse_args(argc, argv)) {
		bool help = argc > 1 && strcmp(argv[1], "--help") == 0;

		usage(help ? stdout : stderr, argv[0]);
		return help ? 0 : 2;
	}
	total = list_or_count();
	if (options.list)
		return 0;
	printf("1..%zu\n", total);
	runner_open_dir();
	run_all();
	runner_close_dir();
	return runner_report(argv[0], counts[PASSED], counts[FAILED], counts[SKIPPED]);
}
