// SPDX-License-Identifier: Apache-2.0
//
// The door to libnbd. The library is loaded when the first export is opened: most runs need none,
// and with it would start several milliseconds later. So nothing of it is needed to build either:
// what is declared here is its stable binary interface, as of libnbd 1.8.
//
// Each function is libnbd's own of that name (cnbd_read is nbd_aio_pread, and so on for all that
// is begun here and answered later). Before cnbd_load has succeeded none may be called.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nbd_handle;

/// Called once when a command is answered; `error` is an errno. What comes back is 1, and
/// means that the command may be forgotten.
typedef struct {
  int (*callback)(void *user_data, int *error);
  void *user_data;
  void (*free)(void *user_data);
} cnbd_completion;

/// Called for each context of an answer: pairs of a length and flags.
typedef struct {
  int (*callback)(void *user_data, const char *context, uint64_t offset, uint32_t *entries,
                  size_t count, int *error);
  void *user_data;
  void (*free)(void *user_data);
} cnbd_extents;

enum { cnbd_FUA = 1, cnbd_NO_HOLE = 2 };
enum { cnbd_READ = 1, cnbd_WRITE = 2 };
enum { cnbd_SIZE_MINIMUM = 0, cnbd_SIZE_PREFERRED = 1, cnbd_SIZE_MAXIMUM = 2 };

/// Loads the library, once; null when it is there, otherwise why it is not.
const char *cnbd_load(void);

struct nbd_handle *cnbd_create(void);
void cnbd_close(struct nbd_handle *handle);
/// Of this thread's last call.
const char *cnbd_get_error(void);
int cnbd_get_errno(void);

int cnbd_add_meta_context(struct nbd_handle *handle, const char *name);
int cnbd_set_uri_allow_local_file(struct nbd_handle *handle, bool allow);
int cnbd_connect_uri(struct nbd_handle *handle, const char *uri);
int cnbd_set_export_name(struct nbd_handle *handle, const char *name);
/// The socket is the library's from then on.
int cnbd_connect_socket(struct nbd_handle *handle, int socket);
int cnbd_disconnect(struct nbd_handle *handle);

int64_t cnbd_get_size(struct nbd_handle *handle);
int64_t cnbd_get_block_size(struct nbd_handle *handle, int which);
int cnbd_is_read_only(struct nbd_handle *handle);
int cnbd_can_flush(struct nbd_handle *handle);
int cnbd_can_fua(struct nbd_handle *handle);
int cnbd_can_zero(struct nbd_handle *handle);
int cnbd_can_multi_conn(struct nbd_handle *handle);
int cnbd_can_meta_context(struct nbd_handle *handle, const char *name);

int cnbd_get_fd(struct nbd_handle *handle);
unsigned cnbd_get_direction(struct nbd_handle *handle);
int cnbd_notify_read(struct nbd_handle *handle);
int cnbd_notify_write(struct nbd_handle *handle);
/// It may be given commands.
bool cnbd_is_connected(struct nbd_handle *handle);
/// It never will be again.
bool cnbd_is_over(struct nbd_handle *handle);

int64_t cnbd_read(struct nbd_handle *handle, void *bytes, size_t count, uint64_t offset,
                  cnbd_completion completion);
int64_t cnbd_write(struct nbd_handle *handle, const void *bytes, size_t count, uint64_t offset,
                   cnbd_completion completion, uint32_t flags);
int64_t cnbd_zero(struct nbd_handle *handle, uint64_t count, uint64_t offset,
                  cnbd_completion completion, uint32_t flags);
int64_t cnbd_flush(struct nbd_handle *handle, cnbd_completion completion);
int64_t cnbd_block_status(struct nbd_handle *handle, uint64_t count, uint64_t offset,
                          cnbd_extents extents, cnbd_completion completion);
