# SPDX-License-Identifier: Apache-2.0
"""Files that the Python programs of the benches write: each appears whole or not at all, as AtomicFile of libslm.

In: a path, what to write   Out: a file, or an OSError that names the path and the reason
"""
import argparse
import contextlib
import os
import stat
import sys
import tempfile


def output(word):
    """The type of paths of files to write: it is said before hours of measuring that one cannot be."""
    if not writable(word):
        raise argparse.ArgumentTypeError(f"'{word}' cannot be written, expected a file in a folder to write to")
    return word


def writable(path):
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    except OSError:   # a name that is too long, or that leads through a file
        return False
    if not os.path.basename(path) or (mode is not None and (stat.S_ISDIR(mode) or not os.access(path, os.W_OK))):
        return False
    return not is_replaced(path) or os.access(os.path.dirname(os.path.realpath(path)), os.W_OK | os.X_OK)


def is_replaced(path):
    """Whether a new file takes the place of this one: not where it is a device, a pipe, or what stdout goes to."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and standard_stream(path) is None
    except FileNotFoundError:
        return True


def standard_stream(path):
    """The descriptor of stdout or stderr where that is what the path leads to."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):   # a closed one
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                return descriptor
    return None


def overwrites(path, other):
    """Whether writing to `path` changes what is read from, or written to, `other`: a file, or a folder of them."""
    if os.path.exists(path) and not os.path.isfile(path):   # a device
        return False
    if os.path.isdir(other):
        return os.path.realpath(path).startswith(os.path.join(os.path.realpath(other), ""))
    if os.path.exists(path) and os.path.exists(other):
        return os.path.samefile(path, other)
    return os.path.realpath(path) == os.path.realpath(other)


@contextlib.contextmanager
def writing(path, mode="w"):
    """The file to write to. Where the block ends with an error, an old file stays as it was."""
    try:
        with replacing(path, mode) if is_replaced(path) else in_place(path, mode) as f:
            yield f
    except OSError as error:   # Python names the temporary file, or none
        raise OSError(error.errno, error.strerror, path) if error.errno else OSError(f"{path}: {error}") from None


def opened(file, mode):
    return open(file, mode, encoding=None if "b" in mode else "utf-8")


def in_place(path, mode):
    stream = standard_stream(path)
    if stream is None:
        return opened(path, mode)
    sys.stdout.flush()
    return opened(os.dup(stream), mode)   # opened by its name, a file would begin anew


@contextlib.contextmanager
def replacing(path, mode):
    """Writes beside the file that the path leads to, then renames."""
    target = os.path.realpath(path)
    descriptor, temporary = tempfile.mkstemp(prefix=".tmp-", dir=os.path.dirname(target))
    try:
        with opened(descriptor, mode) as f:
            yield f
            f.flush()
            os.fsync(descriptor)
            with contextlib.suppress(OSError):   # a file system without permissions
                os.chmod(temporary, permissions(target))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def permissions(path):
    """Of the file that is there, else those that any new file has: mkstemp() lets only its owner read one."""
    with contextlib.suppress(FileNotFoundError):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def write_text(text, path):
    with writing(path) as f:
        f.write(text)
