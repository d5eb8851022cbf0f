// SPDX-License-Identifier: Apache-2.0
#include "slm/io/atomic_file.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "slm/core/error.h"
#include "slm/io/gguf.h"
#include "slm/io/safetensors.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

/// Runs `body` in a child process, whose limits and mounts are its own. Gives its exit status.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
    }
    ::_exit(status);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/// 0 when each kind of writer says `expected` and leaves nothing in `folder`.
int writers_fail_cleanly(const std::filesystem::path& folder, int expected) {
  const std::string megabytes(size_t{4} << 20, 'x');
  const auto fill = [&](size_t, const ByteSink& sink) {
    for (int i = 0; i < 4; ++i) sink(std::as_bytes(std::span(megabytes)).subspan(0, size_t{1} << 20));
  };
  const std::function<void()> writers[] = {
      [&] { write_file(folder / "text", megabytes); },
      [&] {
        AtomicFile file(folder / "pieces");
        for (int i = 0; i < 4096; ++i) file.write(megabytes.data(), 1024);
        file.commit();
      },
      [&] {
        GgufWriter writer;
        writer.declare_tensor("w", Dtype::F32, {1024, 1024});
        writer.write(folder / "x.gguf", fill);
      },
      [&] {
        const SafetensorsEntry entry{"w", Dtype::F32, {1024, 1024}};
        write_safetensors(folder / "x.safetensors", {&entry, 1}, {}, fill);
      },
  };
  int failed = 1;
  for (const auto& writer : writers) {
    try {
      writer();
      return failed;  // it should not have fitted
    } catch (const IoError& error) {
      if (error.error_number() != expected || std::string(error.what()).find(folder.string()) == std::string::npos)
        return failed;
    }
    if (!std::filesystem::is_empty(folder)) return failed + 10;
    ++failed;
  }
  return 0;
}

TEST(AtomicFile, AppearsOnCommitAndNotBefore) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "out";
  AtomicFile file(path);
  file.write("abc", 3);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(file.position(), 3u);
  file.commit();
  EXPECT_EQ(content_of(path), "abc");
  EXPECT_EQ(folder.entries(), 1u);
  EXPECT_THROW(file.write("d", 1), ArgumentError);
  EXPECT_THROW(file.commit(), ArgumentError);
}

TEST(AtomicFile, WithoutCommitNothingIsLeftAndTheOldFileStays) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.file("out", "old");
  {
    AtomicFile file(path);
    file.write(std::string(3 << 20, 'n').data(), 3 << 20);
    EXPECT_EQ(folder.entries(), 2u);
  }
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, KeepsOrderAcrossItsBuffer) {
  const TemporaryFolder folder;
  std::string expected;
  AtomicFile file(folder.path() / "out");
  for (size_t size : {1u, 1000u, (1u << 20) - 1000u, 1u, 0u, 1u << 20, 7u, 3u << 20, 5u}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    file.write(piece.data(), piece.size());
    expected += piece;
    EXPECT_EQ(file.position(), expected.size());
  }
  file.commit();
  EXPECT_TRUE(content_of(folder.path() / "out") == expected);
}

TEST(AtomicFile, PadsWithZerosToAMultiple) {
  const TemporaryFolder folder;
  AtomicFile file(folder.path() / "out");
  file.pad_to(32);
  EXPECT_EQ(file.position(), 0u);
  file.write("abc", 3);
  file.pad_to(8);
  file.pad_to(8);
  EXPECT_EQ(file.position(), 8u);
  file.pad_to(1000);
  EXPECT_EQ(file.position(), 1000u);
  EXPECT_THROW(file.pad_to(0), ArgumentError);
  file.commit();
  EXPECT_EQ(content_of(folder.path() / "out"), "abc" + std::string(997, '\0'));
}

TEST(AtomicFile, TwoWritersOfOnePathDoNotMix) {
  const TemporaryFolder folder;
  AtomicFile a(folder.path() / "out"), b(folder.path() / "out");
  a.write("aaaa", 4);
  b.write("bb", 2);
  b.commit();
  EXPECT_EQ(content_of(folder.path() / "out"), "bb");
  a.commit();
  EXPECT_EQ(content_of(folder.path() / "out"), "aaaa");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, NewFilesFollowTheUmaskAndOldOnesKeepTheirPermissions) {
  const TemporaryFolder folder;
  const mode_t old_mask = ::umask(022);
  write_file(folder.path() / "new", "x");
  ::umask(old_mask);
  EXPECT_EQ(mode_of(folder.path() / "new"), 0644u);
  ASSERT_EQ(::chmod((folder.path() / "new").c_str(), 0600), 0);
  write_file(folder.path() / "new", "y");
  EXPECT_EQ(mode_of(folder.path() / "new"), 0600u);
}

TEST(AtomicFile, FollowsASymbolicLink) {
  const TemporaryFolder folder;
  const std::filesystem::path target = folder.file("target", "old");
  std::filesystem::create_symlink("target", folder.path() / "link");
  write_file(folder.path() / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "link"));
  EXPECT_EQ(content_of(target), "new");
}

TEST(AtomicFile, MakesTheTargetOfALinkThatLeadsNowhereYet) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "sub");
  std::filesystem::create_symlink("sub/second", folder.path() / "first");
  std::filesystem::create_symlink("target", folder.path() / "sub/second");
  write_file(folder.path() / "first", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "first"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "sub/second"));
  EXPECT_FALSE(std::filesystem::is_symlink(folder.path() / "sub/target"));
  EXPECT_EQ(content_of(folder.path() / "sub/target"), "new");
  std::filesystem::create_symlink(folder.path() / "none/target", folder.path() / "astray");
  expect_error<IoError>([&] { AtomicFile file(folder.path() / "astray"); }, {"astray", "No such file"});
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "astray"));
}

TEST(AtomicFile, SaysWhyAPathCannotBe) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("b", folder.path() / "a");
  std::filesystem::create_symlink("a", folder.path() / "b");
  expect_error<IoError>([&] { AtomicFile file(folder.path() / "a"); }, {"/a", "Too many levels of symbolic links"});
  expect_error<IoError>([&] { AtomicFile file(folder.path() / std::string(300, 'x')); }, {"File name too long"});
  expect_error<IoError>([&] { AtomicFile file(folder.file("f", "x") / "out"); }, {"f/out", "Not a directory"});
  EXPECT_EQ(folder.entries(), 3u);
}

TEST(AtomicFile, SyncWritesAllButPutsNothingInPlace) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.file("out", "old");
  AtomicFile file(path);
  file.write("new", 3);
  file.sync();
  EXPECT_EQ(content_of(path), "old");
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) bytes += entry.file_size();
  EXPECT_EQ(bytes, 6u) << "the buffer is in the temporary file";
  file.commit();
  EXPECT_EQ(content_of(path), "new");
}

TEST(AtomicFile, RefusesFoldersDevicesAndMissingFolders) {
  const TemporaryFolder folder;
  expect_error<IoError>([&] { AtomicFile file(folder.path()); }, {folder.path().string(), "Is a directory"});
  expect_error<IoError>([&] { AtomicFile file(folder.path() / "no" / "out"); }, {"no/out", "No such file"});
  expect_error<IoError>([&] { AtomicFile file("/dev/null"); }, {"/dev/null", "not a regular file"});
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(AtomicFile, FullDiskIsAnIoErrorAndLeavesNothing) {
  const TemporaryFolder folder;
  const int status = in_child([&] {
    // A mount namespace of the child's own: the 1 MB file system goes with the child.
    if (::unshare(CLONE_NEWNS) != 0) return 77;
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) return 77;
    return writers_fail_cleanly(folder.path(), ENOSPC);
  });
  if (status == 77) GTEST_SKIP() << "only root may mount a small file system";
  EXPECT_EQ(status, 0);
}

TEST(AtomicFile, FileSizeLimitIsAnIoErrorAndLeavesNothing) {
  const TemporaryFolder folder;
  EXPECT_EQ(in_child([&] {
              ::signal(SIGXFSZ, SIG_DFL);  // which would end the process
              const rlimit limit = {1 << 20, 1 << 20};
              if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 98;
              return writers_fail_cleanly(folder.path(), EFBIG);
            }),
            0);
}

TEST(AtomicFile, AfterAFailedWriteTheTemporaryFileIsGoneAtOnce) {
  const TemporaryFolder folder;
  EXPECT_EQ(in_child([&] {
              ::signal(SIGXFSZ, SIG_DFL);  // which would end the process
              const rlimit limit = {1000, 1000};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              AtomicFile file(folder.path() / "out");
              file.write(std::string(5000, 'x').data(), 5000);  // buffered: fails when flushed
              try {
                file.commit();
                return 1;
              } catch (const IoError& error) {
                if (std::string(error.what()).find("after 1000 bytes") == std::string::npos) return 2;
              }
              if (!std::filesystem::is_empty(folder.path())) return 3;
              try {
                file.write("x", 1);
                return 4;
              } catch (const ArgumentError&) {
                return 0;
              }
            }),
            0);
}

TEST(AtomicFile, DoesNotTakeThePlaceOfWhatStdoutGoesTo) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.file("printed", "before");
  EXPECT_EQ(in_child([&] {
              ::dup2(::open(path.c_str(), O_WRONLY | O_APPEND), STDOUT_FILENO);
              try {
                AtomicFile file("/dev/stdout");
                return 1;
              } catch (const IoError& error) {
                return std::string(error.what()).find("stdout or stderr goes there") == std::string::npos ? 2 : 0;
              }
            }),
            0);
  EXPECT_EQ(std::filesystem::file_size(path), 6u);
}

}  // namespace
}  // namespace slm
