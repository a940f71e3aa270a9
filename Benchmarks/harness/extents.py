# SPDX-License-Identifier: Apache-2.0
"""What is inside two images and where they differ, found without blkmove.

Holes are not read, so an image of a tebibyte with little in it costs little. Everything here is
outside of what is timed.
"""
import errno
import os

PAGE = 4096
CHUNK = 1 << 20
ZERO_PAGE = bytes(PAGE)
ZERO_CHUNK = bytes(CHUNK)


def data_extents(file):
    """The ranges of an open file that are no holes, ascending."""
    size = os.fstat(file).st_size
    offset = 0
    while offset < size:
        try:
            start = os.lseek(file, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return
        offset = os.lseek(file, start, os.SEEK_HOLE)
        yield start, offset


def data_chunks(*files):
    """The numbers of the 1 MiB chunks in which one of the files has data, ascending."""
    numbers = set()
    for file in files:
        for start, end in data_extents(file):
            numbers.update(range(start // CHUNK, (end + CHUNK - 1) // CHUNK))
    return sorted(numbers)


def read_chunk(file, number):
    """A chunk as it is in the file; what lies beyond the end is missing."""
    data = os.pread(file, CHUNK, number * CHUNK)
    while 0 < len(data) < CHUNK:
        more = os.pread(file, CHUNK - len(data), number * CHUNK + len(data))
        if not more:
            break
        data += more
    return data


class Pair:
    """Two images, opened for reading while the `with` lasts."""

    def __init__(self, first, second):
        self.paths = (first, second)

    def __enter__(self):
        self.first, self.second = (os.open(path, os.O_RDONLY) for path in self.paths)
        return self

    def __exit__(self, *_):
        os.close(self.first)
        os.close(self.second)

    def is_equal(self):
        """The same size and the same bytes throughout."""
        if os.fstat(self.first).st_size != os.fstat(self.second).st_size:
            return False
        return all(
            read_chunk(self.first, number) == read_chunk(self.second, number)
            for number in data_chunks(self.first, self.second)
        )

    def changed_pages(self):
        """The numbers of the 4 KiB pages that differ."""
        for number in data_chunks(self.first, self.second):
            before, after = (read_chunk(file, number) for file in (self.first, self.second))
            if before == after:
                continue
            for start in range(0, max(len(before), len(after)), PAGE):
                if before[start : start + PAGE] != after[start : start + PAGE]:
                    yield (number * CHUNK + start) // PAGE


def is_equal(first, second):
    with Pair(first, second) as pair:
        return pair.is_equal()


def changed_pages(before, after):
    with Pair(before, after) as pair:
        return list(pair.changed_pages())


def nonzero_pages(path):
    """The content of an image without its zeros, in pieces of whole pages."""
    file = os.open(path, os.O_RDONLY)
    try:
        for number in data_chunks(file):
            data = read_chunk(file, number)
            if data == ZERO_CHUNK[: len(data)]:
                continue
            pages = (data[start : start + PAGE] for start in range(0, len(data), PAGE))
            yield b"".join(page for page in pages if page != ZERO_PAGE[: len(page)])
    finally:
        os.close(file)


def restore(target, image, pages):
    """Writes the named pages of the image into the target, so that it holds the image again."""
    source = os.open(image, os.O_RDONLY)
    sink = os.open(target, os.O_WRONLY)
    try:
        for page in pages:
            os.pwrite(sink, os.pread(source, PAGE, page * PAGE), page * PAGE)
        os.fsync(sink)
    finally:
        os.close(source)
        os.close(sink)
