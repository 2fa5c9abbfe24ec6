// SPDX-License-Identifier: Apache-2.0
// Sample plugins, and copies of them to spoil, each in a directory of its own.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "core/sdk/stamp.h"

namespace weft::testing {

inline std::string Sample(const std::string& name) { return WEFT_SAMPLES "/" + name + ".so"; }

// A directory, 0700, that is gone with the object.
class OwnDirectory {
 public:
  OwnDirectory() : path_(::testing::TempDir() + "weft-plugin-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "mkdtemp " << path_;
  }
  ~OwnDirectory() { std::filesystem::remove_all(path_); }
  OwnDirectory(const OwnDirectory&) = delete;
  OwnDirectory& operator=(const OwnDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class CopyOfSample {
 public:
  explicit CopyOfSample(const std::string& name) : path_(directory_.path() + "/" + name + ".so") {
    std::filesystem::copy_file(Sample(name), path_);
  }

  const std::string& path() const { return path_; }
  const std::string& directory() const { return directory_.path(); }

  std::string Read() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  // Changes the descriptor that is in the file.
  void Patch(const std::function<void(PluginDescriptor&)>& change) {
    std::string bytes = Read();
    char magic[sizeof(PluginDescriptor::magic)] = {};
    std::memcpy(magic, kPluginMagic.data(), kPluginMagic.size());
    // The program's code may hold the same text; what the SDK version follows is the descriptor.
    size_t at = bytes.find(std::string(magic, sizeof magic) + "SDK version");
    ASSERT_NE(at, std::string::npos);
    PluginDescriptor descriptor;
    std::memcpy(&descriptor, bytes.data() + at, sizeof descriptor);
    change(descriptor);
    std::memcpy(bytes.data() + at, &descriptor, sizeof descriptor);
    Write(bytes);
  }

 private:
  OwnDirectory directory_;
  std::string path_;
};

}  // namespace weft::testing
