// SPDX-License-Identifier: Apache-2.0
//
// The door to the kernel: real C functions for what Swift cannot import, because it is variadic,
// a macro, or hidden behind _GNU_SOURCE. Each is one system call and nothing more: it returns -1
// and sets errno on failure, and leaves interpretation to its caller.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Flags of open(2) that Glibc hides.
extern const int32_t linux_O_DIRECT;
extern const int32_t linux_O_PATH;
extern const int32_t linux_O_TMPFILE;

// Modes of fallocate(2). All keep the size of the file; the first only allocates.
extern const int32_t linux_KEEP_SIZE;
extern const int32_t linux_PUNCH_HOLE;
extern const int32_t linux_ZERO_RANGE;

// How openat2(2) may walk.
extern const uint64_t linux_RESOLVE_BENEATH;
extern const uint64_t linux_RESOLVE_NO_MAGICLINKS;

int linux_openat(int directory, const char *path, int32_t flags, uint32_t mode);
int linux_openat2(int directory, const char *path, int32_t flags, uint32_t mode,
                  uint64_t resolve);
// renameat2(2) with RENAME_NOREPLACE, both names in one directory.
int linux_rename_without_replacing(int directory, const char *from, const char *to);

int linux_fallocate(int file, int32_t mode, int64_t offset, int64_t byte_count);
int64_t linux_seek_data(int file, int64_t offset);
int64_t linux_seek_hole(int file, int64_t offset);
// Starts writing all dirty pages back without waiting for them.
int linux_start_writeback(int file);
// An eventfd(2): writing eight bytes to it ends a poll(2) of it. Never blocks.
int linux_wake_descriptor(void);

// Blocks that files of one file system share until one of them is written (FICLONE).
int linux_clone(int target, int source);
int linux_clone_range(int target, uint64_t target_offset, int source, uint64_t source_offset,
                      uint64_t byte_count);
// Where the bytes of a file lie: at most `count` extents from an offset on. The answer is how many
// there are, or -1. With `synchronized`, what is in memory only is written first.
struct linux_file_extent {
  uint64_t offset;
  uint64_t place;
  uint64_t byte_count;
  uint32_t flags;
};
extern const uint32_t linux_EXTENT_LAST;
extern const uint32_t linux_EXTENT_UNWRITTEN;
// What has one of these flags has no place of its own, or not yet.
extern const uint32_t linux_EXTENT_UNCLEAR;
int linux_file_extents(int file, uint64_t offset, uint64_t byte_count, bool synchronized,
                       struct linux_file_extent *extents, uint32_t count);
// Whether the file system writes a file in its place where it would otherwise write elsewhere
// (chattr +C). It can be set of an empty file only.
int linux_is_without_copies(int file, bool *is_without_copies);
int linux_set_without_copies(int file, bool is_without_copies);

// Extended attributes. The names are terminated by a zero byte each.
int64_t linux_list_attributes(int file, char *names, size_t byte_count);
int64_t linux_read_attribute(int file, const char *name, void *value, size_t byte_count);
int linux_set_attribute(int file, const char *name, const void *value, size_t byte_count);
int linux_remove_attribute(int file, const char *name);

// Writes that are on their way while the caller goes on (io_submit(2)): at most `limit` at once.
int linux_writes_setup(int32_t limit, uint64_t *context);
// 1 when it is on its way. The bytes must stay what and where they are until it has ended.
int linux_writes_submit(uint64_t context, int file, const void *bytes, size_t byte_count,
                        int64_t offset, uint64_t tag);
// Waits for the end of one: the bytes that were written, or minus an error number.
int linux_writes_await(uint64_t context, uint64_t *tag, int64_t *result);
// Waits for all of them.
int linux_writes_end(uint64_t context);

// A pipe whose ends are not inherited by other programs.
int linux_pipe(int ends[2]);
// Lets a pipe hold so much; fails when it is none, or when the user's pipes hold enough.
int linux_widen_pipe(int end, int byte_count);

// Stream sockets of this machine whose names are in no file system, and go with the socket.
int linux_local_socket(void);
int linux_bind_name(int socket, const char *name);
int linux_connect_name(int socket, const char *name);
// The same for a socket that has a path; ENAMETOOLONG when that is longer than a name may be.
int linux_connect_path(int socket, const char *path);
int linux_bind_path(int socket, const char *path);
// The next caller's socket, not inherited by other programs.
int linux_accept(int socket);
// The process that made the other end, or waited for callers there.
int linux_peer_process(int socket, int32_t *process);
// The user whom the process at the other end acts for.
int linux_peer_user(int socket, uint32_t *user);
// Two descriptors travel with one byte.
int linux_send_descriptors(int socket, const int descriptors[2]);
// One descriptor travels with a message; the bytes that were taken.
int64_t linux_send_with_descriptor(int socket, const void *bytes, size_t byte_count,
                                   int descriptor);
// Fails with EBADMSG when what comes is not exactly two descriptors with one byte.
int linux_receive_descriptors(int socket, int descriptors[2]);

// Block devices.
int linux_device_byte_count(int device, uint64_t *byte_count);
int linux_device_logical_block(int device, int32_t *byte_count);
int linux_device_flush_buffers(int device);
int linux_device_zero_out(int device, uint64_t offset, uint64_t byte_count);

// What a file is, beyond stat(2).
struct linux_file_facts {
  uint64_t file_system_type;
  // 0 where the file system has none.
  uint64_t file_system_identity;
  // The unit in which the file system gives space.
  uint64_t block_byte_count;
  // Nanoseconds since 1970; 0 where the file system does not keep it.
  int64_t born_nanoseconds;
};
int linux_file_facts(int file, struct linux_file_facts *facts);

// Makes one of the kernel's own file systems (tracefs) seen at a directory.
int linux_mount_kernel_files(const char *type, const char *directory);

// Open-file-description locks, which QEMU uses too.
struct linux_lock_holder {
  bool is_locked;
  bool is_exclusive;
  // -1 where the kernel does not know, as for locks of open file descriptions.
  int32_t process;
};
// Who holds a lock that would keep this descriptor from writing anywhere in the file.
int linux_foreign_lock(int file, struct linux_lock_holder *holder);
// Takes a shared lock on a range, without waiting.
int linux_lock_shared(int file, int64_t offset, int64_t byte_count);

// Lets go of all such locks that the descriptor's open file has.
int linux_unlock(int file);

// Fails with EAGAIN when anybody has this regular file, which was opened to read, open for
// writing. With other errors the question cannot be answered.
int linux_require_no_writer(int file);

// strerror_r(3), the GNU one: the text may be anywhere, and is always terminated.
const char *linux_error_text(int32_t error_number, char *space, size_t byte_count);

// A descriptor that stands for a process, whose number may be given to another one later. It is
// readable when the process has ended.
int linux_process_descriptor(int32_t process);
int linux_process_signal(int descriptor, int32_t signal);

// The width of a terminal in columns; 0 when it is none, or does not know.
int linux_terminal_columns(int terminal);
