// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

const int32_t linux_O_DIRECT = O_DIRECT;
const int32_t linux_O_PATH = O_PATH;
const int32_t linux_O_TMPFILE = O_TMPFILE;
const int32_t linux_KEEP_SIZE = FALLOC_FL_KEEP_SIZE;
const int32_t linux_PUNCH_HOLE = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const int32_t linux_ZERO_RANGE = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
const uint64_t linux_RESOLVE_BENEATH = RESOLVE_BENEATH;
const uint64_t linux_RESOLVE_NO_MAGICLINKS = RESOLVE_NO_MAGICLINKS;

int linux_openat(int directory, const char *path, int32_t flags, uint32_t mode) {
  return openat(directory, path, flags, (mode_t)mode);
}

int linux_openat2(int directory, const char *path, int32_t flags, uint32_t mode,
                  uint64_t resolve) {
  // openat2 refuses a mode without O_CREAT, and flags that open(2) would ignore.
  struct open_how how = {
      .flags = (uint64_t)(uint32_t)flags,
      .mode = (flags & O_CREAT) ? mode : 0,
      .resolve = resolve,
  };
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int linux_rename_without_replacing(int directory, const char *from, const char *to) {
  return renameat2(directory, from, directory, to, RENAME_NOREPLACE);
}

int linux_fallocate(int file, int32_t mode, int64_t offset, int64_t byte_count) {
  return fallocate(file, mode, offset, byte_count);
}

int linux_clone(int target, int source) { return ioctl(target, FICLONE, source); }

int linux_clone_range(int target, uint64_t target_offset, int source, uint64_t source_offset,
                      uint64_t byte_count) {
  struct file_clone_range range = {
      .src_fd = source,
      .src_offset = source_offset,
      .src_length = byte_count,
      .dest_offset = target_offset,
  };
  return ioctl(target, FICLONERANGE, &range);
}

const uint32_t linux_EXTENT_LAST = FIEMAP_EXTENT_LAST;
const uint32_t linux_EXTENT_UNWRITTEN = FIEMAP_EXTENT_UNWRITTEN;
const uint32_t linux_EXTENT_UNCLEAR =
    FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED |
    FIEMAP_EXTENT_DATA_ENCRYPTED | FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE |
    FIEMAP_EXTENT_DATA_TAIL;

int linux_file_extents(int file, uint64_t offset, uint64_t byte_count, bool synchronized,
                       struct linux_file_extent *extents, uint32_t count) {
  struct fiemap *map = calloc(1, sizeof *map + count * sizeof map->fm_extents[0]);
  if (map == NULL) {
    errno = ENOMEM;
    return -1;
  }
  map->fm_start = offset;
  map->fm_length = byte_count;
  map->fm_flags = synchronized ? FIEMAP_FLAG_SYNC : 0;
  map->fm_extent_count = count;
  int result = ioctl(file, FS_IOC_FIEMAP, map);
  if (result == 0) {
    result = (int)(map->fm_mapped_extents < count ? map->fm_mapped_extents : count);
    for (int index = 0; index < result; index++) {
      extents[index].offset = map->fm_extents[index].fe_logical;
      extents[index].place = map->fm_extents[index].fe_physical;
      extents[index].byte_count = map->fm_extents[index].fe_length;
      extents[index].flags = map->fm_extents[index].fe_flags;
    }
  }
  int error = errno;
  free(map);
  errno = error;
  return result;
}

int linux_is_without_copies(int file, bool *is_without_copies) {
  int flags = 0;
  if (ioctl(file, FS_IOC_GETFLAGS, &flags) != 0) return -1;
  *is_without_copies = (flags & FS_NOCOW_FL) != 0;
  return 0;
}

int linux_set_without_copies(int file, bool is_without_copies) {
  int flags = 0;
  if (ioctl(file, FS_IOC_GETFLAGS, &flags) != 0) return -1;
  flags = is_without_copies ? flags | FS_NOCOW_FL : flags & ~FS_NOCOW_FL;
  return ioctl(file, FS_IOC_SETFLAGS, &flags);
}

int64_t linux_list_attributes(int file, char *names, size_t byte_count) {
  return flistxattr(file, names, byte_count);
}

int64_t linux_read_attribute(int file, const char *name, void *value, size_t byte_count) {
  return fgetxattr(file, name, value, byte_count);
}

int linux_set_attribute(int file, const char *name, const void *value, size_t byte_count) {
  return fsetxattr(file, name, value, byte_count, 0);
}

int linux_remove_attribute(int file, const char *name) { return fremovexattr(file, name); }

int64_t linux_seek_data(int file, int64_t offset) { return lseek(file, offset, SEEK_DATA); }

int64_t linux_seek_hole(int file, int64_t offset) { return lseek(file, offset, SEEK_HOLE); }

int linux_start_writeback(int file) {
  return sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int linux_wake_descriptor(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int linux_writes_setup(int32_t limit, uint64_t *context) {
  aio_context_t made = 0;
  if (syscall(SYS_io_setup, (unsigned)limit, &made) != 0) return -1;
  *context = made;
  return 0;
}

int linux_writes_submit(uint64_t context, int file, const void *bytes, size_t byte_count,
                        int64_t offset, uint64_t tag) {
  struct iocb request = {
      .aio_data = tag,
      .aio_lio_opcode = IOCB_CMD_PWRITE,
      .aio_fildes = (uint32_t)file,
      .aio_buf = (uint64_t)(uintptr_t)bytes,
      .aio_nbytes = byte_count,
      .aio_offset = offset,
  };
  struct iocb *requests[1] = {&request};
  return (int)syscall(SYS_io_submit, (aio_context_t)context, 1L, requests);
}

int linux_writes_await(uint64_t context, uint64_t *tag, int64_t *result) {
  struct io_event event = {0};
  int count = (int)syscall(SYS_io_getevents, (aio_context_t)context, 1L, 1L, &event, NULL);
  *tag = event.data;
  *result = event.res;
  return count;
}

int linux_writes_end(uint64_t context) {
  return (int)syscall(SYS_io_destroy, (aio_context_t)context);
}

int linux_device_byte_count(int device, uint64_t *byte_count) {
  return ioctl(device, BLKGETSIZE64, byte_count);
}

int linux_device_logical_block(int device, int32_t *byte_count) {
  return ioctl(device, BLKSSZGET, byte_count);
}

int linux_device_flush_buffers(int device) { return ioctl(device, BLKFLSBUF, 0); }

int linux_device_zero_out(int device, uint64_t offset, uint64_t byte_count) {
  uint64_t range[2] = {offset, byte_count};
  return ioctl(device, BLKZEROOUT, range);
}

int linux_file_facts(int file, struct linux_file_facts *facts) {
  struct statfs system;
  struct statx details;
  memset(facts, 0, sizeof *facts);
  if (fstatfs(file, &system) != 0) return -1;
  facts->file_system_type = (uint64_t)system.f_type;
  facts->block_byte_count = (uint64_t)system.f_bsize;
  // f_fsid is opaque, but is two ints on every Linux.
  _Static_assert(sizeof system.f_fsid == sizeof facts->file_system_identity, "two ints");
  memcpy(&facts->file_system_identity, &system.f_fsid, sizeof system.f_fsid);
  if (statx(file, "", AT_EMPTY_PATH, STATX_BTIME, &details) == 0 &&
      (details.stx_mask & STATX_BTIME)) {
    facts->born_nanoseconds =
        details.stx_btime.tv_sec * 1000000000LL + details.stx_btime.tv_nsec;
  }
  return 0;
}

int linux_mount_kernel_files(const char *type, const char *directory) {
  return mount(type, directory, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

int linux_foreign_lock(int file, struct linux_lock_holder *holder) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
  int result = fcntl(file, F_OFD_GETLK, &lock);
  holder->is_locked = result == 0 && lock.l_type != F_UNLCK;
  holder->is_exclusive = holder->is_locked && lock.l_type == F_WRLCK;
  holder->process = holder->is_locked ? lock.l_pid : -1;
  return result;
}

int linux_lock_shared(int file, int64_t offset, int64_t byte_count) {
  struct flock lock = {
      .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = byte_count};
  return fcntl(file, F_OFD_SETLK, &lock);
}

int linux_unlock(int file) {
  struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
  return fcntl(file, F_OFD_SETLK, &lock);
}

int linux_require_no_writer(int file) {
  // A lease to read is given only when nobody writes, and that is all that it is taken for.
  // Who opens the file in this moment waits until it is returned, and the kernel tells us by a
  // signal, which must not be SIGIO: that one ends the process.
  if (fcntl(file, F_SETSIG, SIGURG) != 0) return -1;
  if (fcntl(file, F_SETLEASE, F_RDLCK) != 0) return -1;
  return fcntl(file, F_SETLEASE, F_UNLCK);
}

int linux_process_descriptor(int32_t process) {
  return (int)syscall(SYS_pidfd_open, process, 0U);
}

int linux_process_signal(int descriptor, int32_t signal) {
  return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0U);
}

const char *linux_error_text(int32_t error_number, char *space, size_t byte_count) {
  return strerror_r(error_number, space, byte_count);
}

int linux_terminal_columns(int terminal) {
  struct winsize size;
  return ioctl(terminal, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
int linux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int linux_widen_pipe(int end, int byte_count) { return fcntl(end, F_SETPIPE_SZ, byte_count); }

int linux_local_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

// A name that begins with a zero byte is in no file system.
static socklen_t make_address(struct sockaddr_un *address, const char *name) {
  size_t byte_count = strnlen(name, sizeof address->sun_path - 1);
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path + 1, name, byte_count);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + byte_count);
}

int linux_bind_name(int socket, const char *name) {
  struct sockaddr_un address;
  socklen_t byte_count = make_address(&address, name);
  return bind(socket, (struct sockaddr *)&address, byte_count);
}

int linux_connect_name(int socket, const char *name) {
  struct sockaddr_un address;
  socklen_t byte_count = make_address(&address, name);
  return connect(socket, (struct sockaddr *)&address, byte_count);
}

static int make_path_address(struct sockaddr_un *address, const char *path) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return 0;
}

int linux_connect_path(int socket, const char *path) {
  struct sockaddr_un address;
  if (make_path_address(&address, path) != 0) return -1;
  return connect(socket, (struct sockaddr *)&address, sizeof address);
}

int linux_bind_path(int socket, const char *path) {
  struct sockaddr_un address;
  if (make_path_address(&address, path) != 0) return -1;
  return bind(socket, (struct sockaddr *)&address, sizeof address);
}

int linux_accept(int socket) { return accept4(socket, NULL, NULL, SOCK_CLOEXEC); }

int linux_peer_process(int socket, int32_t *process) {
  struct ucred credentials;
  socklen_t byte_count = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &byte_count) != 0) return -1;
  *process = credentials.pid;
  return 0;
}

int linux_peer_user(int socket, uint32_t *user) {
  struct ucred credentials;
  socklen_t byte_count = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &byte_count) != 0) return -1;
  *user = credentials.uid;
  return 0;
}

// Room for the descriptors beside a message, aligned as the kernel wants it.
union descriptor_room {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(2 * sizeof(int))];
};

int64_t linux_send_with_descriptor(int socket, const void *bytes, size_t byte_count,
                                   int descriptor) {
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = byte_count};
  union {
    char bytes[CMSG_SPACE(sizeof descriptor)];
    struct cmsghdr alignment;
  } control = {0};
  struct msghdr message = {
      .msg_iov = &part,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

int linux_send_descriptors(int socket, const int descriptors[2]) {
  char byte = 0;
  struct iovec body = {.iov_base = &byte, .iov_len = 1};
  union descriptor_room room;
  memset(&room, 0, sizeof room);
  struct msghdr message = {
      .msg_iov = &body,
      .msg_iovlen = 1,
      .msg_control = room.bytes,
      .msg_controllen = sizeof room.bytes,
  };
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(2 * sizeof(int));
  memcpy(CMSG_DATA(header), descriptors, 2 * sizeof(int));
  return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int linux_receive_descriptors(int socket, int descriptors[2]) {
  char byte;
  struct iovec body = {.iov_base = &byte, .iov_len = 1};
  union descriptor_room room;
  struct msghdr message = {
      .msg_iov = &body,
      .msg_iovlen = 1,
      .msg_control = room.bytes,
      .msg_controllen = sizeof room.bytes,
  };
  ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    size_t descriptor_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int received[2];
    if (descriptor_count > 2) descriptor_count = 2;
    memcpy(received, CMSG_DATA(header), descriptor_count * sizeof(int));
    if (count == 1 && descriptor_count == 2 && !(message.msg_flags & MSG_CTRUNC)) {
      memcpy(descriptors, received, sizeof received);
      return 0;
    }
    while (descriptor_count > 0) close(received[--descriptor_count]);
  }
  errno = EBADMSG;
  return -1;
}
