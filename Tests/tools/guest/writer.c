// SPDX-License-Identifier: Apache-2.0
//
// The program whose writes must not be lost, and the one that looks whether they were.
//
//   writer write [NAME=VALUE...] FILE...    writes numbered blocks and acknowledges each burst
//   writer check [NAME=VALUE...] FILE...    looks for every block that must be there
//   writer fill [NAME=VALUE...] FILE...     gives every slot block 0, so that none is a hole
//   writer pulse [NAME=VALUE...]            only tells that time goes on
//
// Block n goes to file n modulo the number of files, to a slot that scatters. It is 4 KiB that
// nothing compresses, made of n alone. After each burst every file that it touched is flushed
// (fdatasync), then "ACK n" is printed for its last block: from there on its loss is a lie of
// somebody between here and the disk.
//
// A burst begins when the one before is on the disks. So the files of a guest at one moment hold
// all of every burst before the newest block that any of them holds: "check" wants that, which
// makes it a check that all disks were taken at the same moment, too.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { block_bytes = 4096, block_words = block_bytes / 8, most_files = 16 };

struct options {
  uint64_t slots;         // blocks in each file
  uint64_t hot;           // so many of them get 15 of 16 writes; 0: all get as many
  uint64_t rate;          // blocks a second; 0: as fast as they go
  uint64_t burst;         // blocks between two flushes
  uint64_t first;         // number of the first block
  uint64_t acknowledged;  // the last number that was acknowledged, for "check"
  uint64_t pulse;         // milliseconds between signs of life while waiting; 0: none
  int files;
  char **paths;
};

// splitmix64.
static uint64_t mixed(uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

static void make_block(uint64_t *words, uint64_t number) {
  words[0] = number;
  for (uint64_t index = 1; index < block_words; index++) {
    words[index] = mixed(number * block_words + index);
  }
}

static uint64_t slot_of(const struct options *options, uint64_t number) {
  uint64_t turn = number / (uint64_t)options->files;
  uint64_t scattered = turn * 2654435761u;
  if (options->hot == 0) return scattered % options->slots;
  if (turn % 16 != 0) return scattered % options->hot;
  return options->hot + mixed(turn) % (options->slots - options->hot);
}

static void fail(const char *what) {
  printf("ERROR %s: %s\n", what, strerror(errno));
  exit(1);
}

static void say(const char *word, uint64_t number) {
  char line[64];
  int count = snprintf(line, sizeof line, "%s %" PRIu64 "\n", word, number);
  if (write(1, line, (size_t)count) != count) exit(1);
}

static void open_all(const struct options *options, int *files, int flags) {
  for (int index = 0; index < options->files; index++) {
    files[index] = open(options->paths[index], flags, 0644);
    if (files[index] < 0) fail(options->paths[index]);
  }
}

static uint64_t now_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void sleep_nanoseconds(uint64_t count) {
  struct timespec time = {(time_t)(count / 1000000000), (long)(count % 1000000000)};
  nanosleep(&time, NULL);
}

// Waits until a moment, with signs of life meanwhile.
static void wait_until(const struct options *options, uint64_t due, uint64_t *pulses) {
  uint64_t pulse = options->pulse * 1000000;
  for (uint64_t now = now_nanoseconds(); now < due; now = now_nanoseconds()) {
    uint64_t rest = due - now;
    sleep_nanoseconds(pulse != 0 && pulse < rest ? pulse : rest);
    if (pulse != 0) say("PULSE", ++*pulses);
  }
}

static int write_for_ever(const struct options *options) {
  int files[most_files];
  uint64_t block[block_words], number = options->first, pulses = 0;
  open_all(options, files, O_RDWR | O_CREAT);
  uint64_t due = now_nanoseconds();
  for (;;) {
    bool is_touched[most_files] = {false};
    for (uint64_t count = 0; count < options->burst; count++, number++) {
      int file = (int)(number % (uint64_t)options->files);
      make_block(block, number);
      off_t offset = (off_t)(slot_of(options, number) * block_bytes);
      if (pwrite(files[file], block, block_bytes, offset) != block_bytes) fail("write");
      is_touched[file] = true;
    }
    for (int file = 0; file < options->files; file++) {
      if (is_touched[file] && fdatasync(files[file]) != 0) fail("flush");
    }
    say("ACK", number - 1);
    if (options->rate == 0) continue;
    due += options->burst * 1000000000 / options->rate;
    // Who was held up does not make up for it.
    uint64_t now = now_nanoseconds();
    if (due < now) due = now;
    wait_until(options, due, &pulses);
  }
}

static int fill(const struct options *options) {
  int files[most_files];
  uint64_t block[block_words];
  open_all(options, files, O_RDWR | O_CREAT | O_TRUNC);
  make_block(block, 0);
  for (int file = 0; file < options->files; file++) {
    for (uint64_t slot = 0; slot < options->slots; slot++) {
      if (write(files[file], block, block_bytes) != block_bytes) fail("write");
    }
  }
  return 0;
}

static int pulse_for_ever(const struct options *options) {
  for (uint64_t number = 1;; number++) {
    say("PULSE", number);
    sleep_nanoseconds(options->pulse * 1000000);
  }
}

// What is in the slots of all files, as far as it is whole: numbers by file and slot.
static uint64_t *found_blocks(const struct options *options, uint64_t *torn) {
  int files[most_files];
  uint64_t block[block_words], wanted[block_words];
  uint64_t *found = calloc((size_t)options->files * options->slots, sizeof *found);
  if (found == NULL) fail("memory");
  open_all(options, files, O_RDONLY);
  for (int file = 0; file < options->files; file++) {
    for (uint64_t slot = 0; slot < options->slots; slot++) {
      memset(block, 0, sizeof block);
      if (pread(files[file], block, block_bytes, (off_t)(slot * block_bytes)) < 0) fail("read");
      uint64_t number = block[0];
      make_block(wanted, number);
      bool is_empty = number == 0;
      for (int index = 1; index < block_words; index++) is_empty &= block[index] == 0;
      if (is_empty) continue;
      bool is_at_home = number == 0 || (number % (uint64_t)options->files == (uint64_t)file &&
                                        slot_of(options, number) == slot);
      if (is_at_home && memcmp(block, wanted, block_bytes) == 0) {
        found[(uint64_t)file * options->slots + slot] = number;
      } else {
        printf("torn: slot %" PRIu64 " of %s: %" PRIu64 "\n", slot, options->paths[file], number);
        ++*torn;
      }
    }
  }
  return found;
}

static int check(const struct options *options) {
  uint64_t torn = 0, lost = 0, newest = 0;
  uint64_t slots = options->slots, all = (uint64_t)options->files * slots;
  uint64_t *found = found_blocks(options, &torn);
  for (uint64_t index = 0; index < all; index++) {
    if (found[index] > newest) newest = found[index];
  }
  // All bursts before the one that the newest block is of.
  uint64_t end = options->acknowledged + 1;
  if (newest >= options->first) {
    uint64_t begun = newest - (newest - options->first) % options->burst;
    if (begun > end) end = begun;
  }
  uint64_t *wanted = calloc(all, sizeof *wanted);
  if (wanted == NULL) fail("memory");
  for (uint64_t number = options->first; number < end; number++) {
    uint64_t file = number % (uint64_t)options->files;
    wanted[file * slots + slot_of(options, number)] = number;
  }
  for (uint64_t index = 0; index < all; index++) {
    if (found[index] >= wanted[index]) continue;
    if (lost++ < 10) {
      printf("lost: slot %" PRIu64 " of %s: %" PRIu64 " is there in place of %" PRIu64 "\n",
             index % slots, options->paths[index / slots], found[index], wanted[index]);
    }
  }
  printf("acknowledged %" PRIu64 " newest %" PRIu64 " lost %" PRIu64 " torn %" PRIu64 "\n",
         options->acknowledged, newest, lost, torn);
  free(found);
  free(wanted);
  return lost + torn > 0 ? 1 : 0;
}

static bool take(struct options *options, char *word) {
  char *value = strchr(word, '=');
  if (value == NULL || word[0] == '/') return false;
  *value++ = 0;
  struct {
    const char *name;
    uint64_t *place;
  } known[] = {{"slots", &options->slots}, {"hot", &options->hot},
               {"rate", &options->rate},   {"burst", &options->burst},
               {"first", &options->first}, {"acknowledged", &options->acknowledged},
               {"pulse", &options->pulse}};
  for (size_t index = 0; index < sizeof known / sizeof *known; index++) {
    if (strcmp(word, known[index].name) == 0) *known[index].place = strtoull(value, NULL, 10);
  }
  return true;
}

int main(int count, char **words) {
  struct options options = {.slots = 4096, .burst = 1, .first = 1};
  int next = 2;
  while (next < count && take(&options, words[next])) next++;
  options.files = count - next;
  options.paths = words + next;
  const char *task = count > 1 ? words[1] : "";
  if (strcmp(task, "pulse") == 0 && options.pulse > 0) return pulse_for_ever(&options);
  if (options.files < 1 || options.files > most_files || options.slots == 0 ||
      options.hot >= options.slots || options.burst == 0 || options.first == 0) {
    fprintf(stderr, "usage: writer write|check|fill|pulse [NAME=VALUE...] FILE...\n");
    return 2;
  }
  if (strcmp(task, "write") == 0) return write_for_ever(&options);
  if (strcmp(task, "check") == 0) return check(&options);
  if (strcmp(task, "fill") == 0) return fill(&options);
  return 2;
}
