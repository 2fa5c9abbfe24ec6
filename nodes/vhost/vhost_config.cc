// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/vhost_config.h"

#include <grp.h>
#include <pwd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace weft::vhost {
namespace {

constexpr uint32_t kUnchanged = 0xffff'ffff;

template <typename T>
void Report(const absl::StatusOr<T>& parsed, std::string_view key, const Value& table,
            const Place& place) {
  if (parsed.ok()) return;
  place.Key(key).Error(table.WhereIs(key), std::string(parsed.status().message()));
}

}  // namespace

absl::StatusOr<uid_t> UserOf(const std::string& text) {
  uid_t number = kUnchanged;
  if (text.empty() || (absl::SimpleAtoi(text, &number) && number != kUnchanged)) return number;
  if (const passwd* user = getpwnam(text.c_str()); user != nullptr) return user->pw_uid;
  return absl::NotFoundError(absl::StrCat("there is no user ", Quoted(text)));
}

absl::StatusOr<gid_t> GroupOf(const std::string& text) {
  gid_t number = kUnchanged;
  if (text.empty() || (absl::SimpleAtoi(text, &number) && number != kUnchanged)) return number;
  if (const group* found = getgrnam(text.c_str()); found != nullptr) return found->gr_gid;
  return absl::NotFoundError(absl::StrCat("there is no group ", Quoted(text)));
}

absl::StatusOr<mode_t> ModeOf(const std::string& text) {
  mode_t mode = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '7' || mode > 0777) {
      mode = 0;
      break;
    }
    mode = mode * 8 + static_cast<mode_t>(digit - '0');
  }
  if (mode == 0 || mode > 0777) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be octal permissions such as \"0660\", found ", Quoted(text)));
  }
  return mode;
}

void VhostConfig::Check(const Value& table, const Place& place) const {
  Report(UserOf(owner), "owner", table, place);
  Report(GroupOf(group), "group", table, place);
  Report(ModeOf(mode), "mode", table, place);
}

}  // namespace weft::vhost
