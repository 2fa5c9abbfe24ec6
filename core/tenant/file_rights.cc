// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/file_rights.h"

#include <grp.h>
#include <pwd.h>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace weft {
namespace {

std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::CHexEscape(text), "\"");
}

}  // namespace

absl::StatusOr<uid_t> UserOf(const std::string& text) {
  uid_t number = kUnchangedOwner;
  if (text.empty() || (absl::SimpleAtoi(text, &number) && number != kUnchangedOwner)) return number;
  if (const passwd* user = getpwnam(text.c_str()); user != nullptr) return user->pw_uid;
  return absl::NotFoundError(absl::StrCat("there is no user ", Quoted(text)));
}

absl::StatusOr<gid_t> GroupOf(const std::string& text) {
  gid_t number = kUnchangedOwner;
  if (text.empty() || (absl::SimpleAtoi(text, &number) && number != kUnchangedOwner)) return number;
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

absl::StatusOr<FileRights> FileRights::From(const std::string& owner, const std::string& group,
                                            const std::string& mode) {
  FileRights rights;
  const absl::StatusOr<uid_t> user = UserOf(owner);
  if (!user.ok()) return user.status();
  rights.owner = *user;
  const absl::StatusOr<gid_t> users = GroupOf(group);
  if (!users.ok()) return users.status();
  rights.group = *users;
  const absl::StatusOr<mode_t> bits = ModeOf(mode);
  if (!bits.ok()) return bits.status();
  rights.mode = *bits;
  return rights;
}

}  // namespace weft
