// SPDX-License-Identifier: Apache-2.0
// ResultFile: --benchmark_out that appears whole or not at all. Google Benchmark empties the file when it begins and
// does not see that a disk is full; here it writes into memory, and the file is written when all is measured.
// In: the arguments.  Out: the file.
#pragma once

#include <string>

namespace slm {

class ResultFile {
 public:
  /// Replaces the path of --benchmark_out=PATH by one in memory. Throws IoError where PATH cannot be written.
  ResultFile(int argc, char** argv);
  ~ResultFile();
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;

  /// After Google Benchmark has closed its file. Throws IoError; then what was there still is.
  void write() const;

 private:
  std::string path_, argument_;
  int memory_ = -1;  // a file without a name
};

}  // namespace slm
