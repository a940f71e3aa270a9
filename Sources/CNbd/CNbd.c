// SPDX-License-Identifier: Apache-2.0

#include "CNbd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct nbd_handle *handle_t;

/// One pointer for each function, under the name that it has in the library.
static struct {
  handle_t (*create)(void);
  void (*close)(handle_t);
  const char *(*get_error)(void);
  int (*get_errno)(void);
  int (*add_meta_context)(handle_t, const char *);
  int (*set_uri_allow_local_file)(handle_t, bool);
  int (*aio_connect_uri)(handle_t, const char *);
  int (*set_export_name)(handle_t, const char *);
  int (*aio_connect_socket)(handle_t, int);
  int (*aio_disconnect)(handle_t, uint32_t);
  int64_t (*get_size)(handle_t);
  int64_t (*get_block_size)(handle_t, int);
  int (*is_read_only)(handle_t);
  int (*can_flush)(handle_t);
  int (*can_fua)(handle_t);
  int (*can_zero)(handle_t);
  int (*can_multi_conn)(handle_t);
  int (*can_meta_context)(handle_t, const char *);
  int (*aio_get_fd)(handle_t);
  unsigned (*aio_get_direction)(handle_t);
  int (*aio_notify_read)(handle_t);
  int (*aio_notify_write)(handle_t);
  int (*aio_is_ready)(handle_t);
  int (*aio_is_processing)(handle_t);
  int (*aio_is_dead)(handle_t);
  int (*aio_is_closed)(handle_t);
  int64_t (*aio_pread)(handle_t, void *, size_t, uint64_t, cnbd_completion, uint32_t);
  int64_t (*aio_pwrite)(handle_t, const void *, size_t, uint64_t, cnbd_completion, uint32_t);
  int64_t (*aio_zero)(handle_t, uint64_t, uint64_t, cnbd_completion, uint32_t);
  int64_t (*aio_flush)(handle_t, cnbd_completion, uint32_t);
  int64_t (*aio_block_status)(handle_t, uint64_t, uint64_t, cnbd_extents, cnbd_completion,
                              uint32_t);
} nbd;

/// In the order of the pointers.
static const char *const names[] = {
    "create",           "close",           "get_error",
    "get_errno",        "add_meta_context", "set_uri_allow_local_file",
    "aio_connect_uri",  "set_export_name", "aio_connect_socket",
    "aio_disconnect",  "get_size",
    "get_block_size",   "is_read_only",    "can_flush",
    "can_fua",          "can_zero",        "can_multi_conn",
    "can_meta_context", "aio_get_fd",      "aio_get_direction",
    "aio_notify_read",  "aio_notify_write", "aio_is_ready",
    "aio_is_processing", "aio_is_dead",    "aio_is_closed",
    "aio_pread",        "aio_pwrite",      "aio_zero",
    "aio_flush",        "aio_block_status",
};

enum { name_count = sizeof names / sizeof names[0] };
_Static_assert(sizeof nbd == name_count * sizeof(void (*)(void)), "a name for each pointer");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256];

static void load(void) {
  void *library = dlopen("libnbd.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(problem, sizeof problem, "%s", dlerror());
    return;
  }
  void **pointers = (void **)&nbd;
  for (int number = 0; number < name_count; number++) {
    char name[64];
    snprintf(name, sizeof name, "nbd_%s", names[number]);
    pointers[number] = dlsym(library, name);
    if (!pointers[number]) {
      snprintf(problem, sizeof problem, "libnbd.so.0 is too old: it has no %s", name);
      return;
    }
  }
}

const char *cnbd_load(void) {
  pthread_once(&once, load);
  return problem[0] ? problem : NULL;
}

handle_t cnbd_create(void) { return nbd.create(); }
void cnbd_close(handle_t handle) { nbd.close(handle); }
const char *cnbd_get_error(void) { return nbd.get_error(); }
int cnbd_get_errno(void) { return nbd.get_errno(); }

int cnbd_add_meta_context(handle_t handle, const char *name) {
  return nbd.add_meta_context(handle, name);
}
int cnbd_set_uri_allow_local_file(handle_t handle, bool allow) {
  return nbd.set_uri_allow_local_file(handle, allow);
}
int cnbd_connect_uri(handle_t handle, const char *uri) { return nbd.aio_connect_uri(handle, uri); }
int cnbd_set_export_name(handle_t handle, const char *name) {
  return nbd.set_export_name(handle, name);
}
int cnbd_connect_socket(handle_t handle, int socket) {
  return nbd.aio_connect_socket(handle, socket);
}
int cnbd_disconnect(handle_t handle) { return nbd.aio_disconnect(handle, 0); }

int64_t cnbd_get_size(handle_t handle) { return nbd.get_size(handle); }
int64_t cnbd_get_block_size(handle_t handle, int which) {
  return nbd.get_block_size(handle, which);
}
int cnbd_is_read_only(handle_t handle) { return nbd.is_read_only(handle); }
int cnbd_can_flush(handle_t handle) { return nbd.can_flush(handle); }
int cnbd_can_fua(handle_t handle) { return nbd.can_fua(handle); }
int cnbd_can_zero(handle_t handle) { return nbd.can_zero(handle); }
int cnbd_can_multi_conn(handle_t handle) { return nbd.can_multi_conn(handle); }
int cnbd_can_meta_context(handle_t handle, const char *name) {
  return nbd.can_meta_context(handle, name);
}

int cnbd_get_fd(handle_t handle) { return nbd.aio_get_fd(handle); }
unsigned cnbd_get_direction(handle_t handle) { return nbd.aio_get_direction(handle); }
int cnbd_notify_read(handle_t handle) { return nbd.aio_notify_read(handle); }
int cnbd_notify_write(handle_t handle) { return nbd.aio_notify_write(handle); }
bool cnbd_is_connected(handle_t handle) {
  return nbd.aio_is_ready(handle) > 0 || nbd.aio_is_processing(handle) > 0;
}
bool cnbd_is_over(handle_t handle) {
  return nbd.aio_is_dead(handle) != 0 || nbd.aio_is_closed(handle) != 0;
}

int64_t cnbd_read(handle_t handle, void *bytes, size_t count, uint64_t offset,
                  cnbd_completion completion) {
  return nbd.aio_pread(handle, bytes, count, offset, completion, 0);
}
int64_t cnbd_write(handle_t handle, const void *bytes, size_t count, uint64_t offset,
                   cnbd_completion completion, uint32_t flags) {
  return nbd.aio_pwrite(handle, bytes, count, offset, completion, flags);
}
int64_t cnbd_zero(handle_t handle, uint64_t count, uint64_t offset, cnbd_completion completion,
                  uint32_t flags) {
  return nbd.aio_zero(handle, count, offset, completion, flags);
}
int64_t cnbd_flush(handle_t handle, cnbd_completion completion) {
  return nbd.aio_flush(handle, completion, 0);
}
int64_t cnbd_block_status(handle_t handle, uint64_t count, uint64_t offset, cnbd_extents extents,
                          cnbd_completion completion) {
  return nbd.aio_block_status(handle, count, offset, extents, completion, 0);
}
