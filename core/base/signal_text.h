// SPDX-License-Identifier: Apache-2.0
// Text without allocation, for signal handlers. Any thread.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace weft {

class SignalText {
 public:
  void Add(const char* text) {
    while (*text != '\0' && length_ < sizeof(text_)) text_[length_++] = *text++;
  }
  void Add(int number) {
    char digits[12];
    size_t at = sizeof(digits) - 1;
    digits[at] = '\0';
    for (auto rest = static_cast<unsigned>(number); at == sizeof(digits) - 1 || rest != 0;
         rest /= 10) {
      digits[--at] = static_cast<char>('0' + rest % 10);
    }
    Add(digits + at);
  }
  void AddHex(uintptr_t number) {
    char digits[2 * sizeof(number) + 1];
    size_t at = sizeof(digits) - 1;
    digits[at] = '\0';
    do {
      digits[--at] = "0123456789abcdef"[number % 16];
      number /= 16;
    } while (number != 0);
    Add("0x");
    Add(digits + at);
  }
  void Print(int fd) const { [[maybe_unused]] const ssize_t put = write(fd, text_, length_); }

 private:
  char text_[400];
  size_t length_ = 0;
};

}  // namespace weft
