/* A seam between a program and the kernel: counts the calls on the files of a store, and at the one that was asked for
 * kills the process, refuses, cuts a write short, or says yes to a sync that it leaves out. Or only writes down what passed.
 *
 * Preloaded (LD_PRELOAD), so that a sweep over every call costs a process start each and not a debugger: SQLite and the
 * standard libraries of Rust and Python all call through libc. tests/acceptance/test_chaos.py holds its list against strace.
 *
 *   SEAM_FOLDER   calls on files in here count (and nothing else does)
 *   SEAM_LOG      append what passed, in the records below
 *   SEAM_AT       the number of the call to act on, from 1; 0: none
 *   SEAM_ALWAYS   1: on that call and on every later one
 *   SEAM_ACT      kill | short | an errno (5 EIO, 28 ENOSPC)
 *   SEAM_LIE      1: fsync and fdatasync say yes and do nothing
 *   SEAM_STALL    while this file exists, no sync comes back: a disk that does not answer
 *   SEAM_COUNT    at exit, leave the number of calls in this file
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES = 4096 };
enum act { NOTHING, KILL, SHORT, FAIL };

static char folder[PATH_MAX];
static size_t folder_len;
static int log_fd = -1, act_errno, always, lie;
static enum act act;
static long act_at;
static atomic_long calls;
static char watched[FILES]; /* by descriptor: 1 a file of the store */
static char count_path[PATH_MAX], stall_path[PATH_MAX];

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* One record: what, whose, which file (its inode), where; then `length` bytes: data, or a path, or two with a NUL between. */
struct record {
  char what; /* O open · W write · T truncate · B sync begins · E sync ended · U unlink · R rename · A said · K counted */
  char name[11];
  uint32_t pid;
  uint32_t length;
  uint64_t inode;
  int64_t offset;
} __attribute__((packed));

static void note(char what, const char *name, uint64_t inode, int64_t offset, const void *data, size_t length) {
  if (log_fd < 0) return;
  struct record record = {.what = what, .pid = getpid(), .length = length, .inode = inode, .offset = offset};
  strncpy(record.name, name, sizeof record.name - 1);
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)data, length}};
  if (writev(log_fd, parts, data ? 2 : 1) < 0) abort(); /* a log with a hole would be a lie */
}

static uint64_t inode_of(int fd) {
  struct stat found;
  return fstat(fd, &found) ? 0 : found.st_ino;
}

static int ours(int fd) { return fd >= 0 && fd < FILES && watched[fd]; }

static int under(const char *path) {
  char whole[PATH_MAX];
  if (!folder_len || !path) return 0;
  if (path[0] != '/') {
    if (!getcwd(whole, sizeof whole) || strlen(whole) + strlen(path) + 2 > sizeof whole) return 0;
    strcat(strcat(whole, "/"), path);
    path = whole;
  }
  return strncmp(path, folder, folder_len) == 0 && (path[folder_len] == '/' || path[folder_len] == 0);
}

/* A call on the store is about to be made. Answers what is to become of it. */
static enum act step(const char *name, uint64_t inode) {
  long now = atomic_fetch_add(&calls, 1) + 1;
  note('K', name, inode, now, NULL, 0);
  if (!act_at || (always ? now < act_at : now != act_at)) return NOTHING;
  /* A disk that has failed for ever refuses data, not locks: those are the kernel's own, and SQLite waits 10 s for each. */
  if (now > act_at && (!strcmp(name, "fcntl") || !strcmp(name, "flock"))) return NOTHING;
  if (act == KILL) kill(getpid(), SIGKILL);
  if (act == FAIL) errno = act_errno;
  return act;
}

static void open_log(const char *path) {
  if (log_fd >= 0) close(log_fd);
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 700); /* out of the way of the program's own numbers */
  close(fd);
}

static void choose(const char *value) {
  act = !strcmp(value, "kill") ? KILL : !strcmp(value, "short") ? SHORT : atoi(value) ? FAIL : NOTHING;
  act_errno = atoi(value);
}

/* For a process that forks a fresh one for each point: the same, armed by a call. */
void seam_arm(const char *in, const char *log, long at, int on_all_later, const char *what, int lies) {
  folder_len = strlen(strncpy(folder, in, sizeof folder - 1));
  memset(watched, 0, sizeof watched);
  atomic_store(&calls, 0);
  act_at = at, always = on_all_later, lie = lies;
  choose(what);
  if (*log) open_log(log);
}

long seam_calls(void) { return atomic_load(&calls); }

__attribute__((constructor)) static void begin(void) {
  const char *value;
  if ((value = getenv("SEAM_FOLDER"))) folder_len = strlen(strncpy(folder, value, sizeof folder - 1));
  if ((value = getenv("SEAM_COUNT"))) strncpy(count_path, value, sizeof count_path - 1);
  if ((value = getenv("SEAM_STALL"))) strncpy(stall_path, value, sizeof stall_path - 1);
  if ((value = getenv("SEAM_AT"))) act_at = atol(value);
  if ((value = getenv("SEAM_ALWAYS"))) always = atoi(value);
  if ((value = getenv("SEAM_LIE"))) lie = atoi(value);
  if ((value = getenv("SEAM_ACT"))) choose(value);
  if ((value = getenv("SEAM_LOG"))) open_log(value);
}

__attribute__((destructor)) static void end(void) {
  if (!count_path[0]) return;
  FILE *file = fopen(count_path, "w");
  if (file) fprintf(file, "%ld\n", atomic_load(&calls)), fclose(file);
}

/* ---- names ---- */

static void opened(int fd, const char *path, int flags) {
  if (fd < 0 || fd >= FILES) return;
  watched[fd] = 1;
  note('O', (flags & O_DIRECTORY) ? "folder" : "file", inode_of(fd), flags, path, strlen(path));
}

#define OPEN(function, before, arguments) \
  int function before { \
    REAL(function); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    int is_ours = under(path); \
    if (is_ours && step("open", 0) == FAIL) return -1; \
    int fd = real arguments; \
    if (is_ours) opened(fd, path, flags); \
    return fd; \
  }
OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))

int close(int fd) {
  REAL(close);
  if (ours(fd)) {
    if (step("close", 0) == FAIL) errno = 0; /* Linux frees the number whatever it answers */
    watched[fd] = 0;
  }
  return real(fd);
}

int unlink(const char *path) {
  REAL(unlink);
  if (!under(path)) return real(path);
  if (step("unlink", 0) == FAIL) return -1;
  int answer = real(path);
  if (!answer) note('U', "unlink", 0, 0, path, strlen(path));
  return answer;
}

int rename(const char *from, const char *to) {
  REAL(rename);
  if (!under(from)) return real(from, to);
  if (step("rename", 0) == FAIL) return -1;
  int answer = real(from, to);
  char both[2 * PATH_MAX];
  int length = snprintf(both, sizeof both, "%s%c%s", from, 0, to);
  if (!answer) note('R', "rename", 0, 0, both, length);
  return answer;
}

/* No record: power-loss images are made of stores, whose files have one name each. */
int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
  REAL(linkat);
  if (under(to) && step("linkat", 0) == FAIL) return -1;
  return real(from_at, from, to_at, to, flags);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  if (under(path) && step("mkdir", 0) == FAIL) return -1;
  return real(path, mode);
}

/* ---- data ---- */

#define READ(function, offset_type) \
  ssize_t function(int fd, void *data, size_t length, offset_type offset) { \
    REAL(function); \
    if (ours(fd) && step("pread", 0) == FAIL) return -1; \
    return real(fd, data, length, offset); \
  }
READ(pread, off_t)
READ(pread64, off64_t)

ssize_t read(int fd, void *data, size_t length) {
  REAL(read);
  if (ours(fd) && step("read", 0) == FAIL) return -1;
  return real(fd, data, length);
}

#define WRITE(function, offset_type) \
  ssize_t function(int fd, const void *data, size_t length, offset_type offset) { \
    REAL(function); \
    if (!ours(fd)) return real(fd, data, length, offset); \
    enum act now = step("pwrite", inode_of(fd)); \
    if (now == FAIL) return -1; \
    if (now == SHORT && length > 1) length /= 2; \
    note('W', "pwrite", inode_of(fd), offset, data, length); \
    return real(fd, data, length, offset); \
  }
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t length) {
  REAL(write);
  if (fd == 1) note('A', "write", 0, 0, data, length); /* what it says, as early as can be */
  if (ours(fd)) {
    enum act now = step("write", 0);
    if (now == FAIL) return -1;
    if (now == SHORT && length > 1) length /= 2;
    note('W', "write", inode_of(fd), lseek(fd, 0, SEEK_CUR), data, length);
  }
  return real(fd, data, length);
}

#define SYNC(function) \
  int function(int fd) { \
    REAL(function); \
    if (!ours(fd)) return real(fd); \
    if (step(#function, inode_of(fd)) == FAIL) return -1; \
    while (stall_path[0] && !access(stall_path, F_OK)) usleep(5000); \
    if (lie) return 0; \
    note('B', #function, inode_of(fd), 0, NULL, 0); \
    int answer = real(fd); \
    if (!answer) note('E', #function, inode_of(fd), 0, NULL, 0); \
    return answer; \
  }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(function, offset_type) \
  int function(int fd, offset_type length) { \
    REAL(function); \
    if (!ours(fd)) return real(fd, length); \
    if (step("ftruncate", 0) == FAIL) return -1; \
    note('T', "ftruncate", inode_of(fd), length, NULL, 0); \
    return real(fd, length); \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define MAP(function, offset_type) \
  void *function(void *at, size_t length, int protection, int flags, int fd, offset_type offset) { \
    REAL(function); \
    if (ours(fd) && step("mmap", 0) == FAIL) return MAP_FAILED; \
    return real(at, length, protection, flags, fd, offset); \
  }
MAP(mmap, off_t)
MAP(mmap64, off64_t)

/* ---- locks ---- */

#define CONTROL(function) \
  int function(int fd, int command, ...) { \
    REAL(function); \
    va_list rest; \
    va_start(rest, command); \
    void *argument = va_arg(rest, void *); \
    va_end(rest); \
    if (ours(fd) && (command == F_SETLK || command == F_SETLKW) && step("fcntl", 0) == FAIL) return -1; \
    int answer = real(fd, command, argument); \
    if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && answer >= 0 && answer < FILES) watched[answer] = ours(fd); \
    return answer; \
  }
CONTROL(fcntl)
CONTROL(fcntl64)

int flock(int fd, int how) {
  static int (*real)(int, int);
  if (!real) real = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
  if (ours(fd) && step("flock", 0) == FAIL) return -1;
  return real(fd, how);
}
