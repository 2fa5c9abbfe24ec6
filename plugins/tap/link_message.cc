// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/link_message.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weft::tap {
namespace {

class Message {
 public:
  explicit Message(uint16_t type) {
    Put(nlmsghdr{.nlmsg_len = 0,
                 .nlmsg_type = type,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                 .nlmsg_seq = 1,
                 .nlmsg_pid = 0});
  }

  template <typename T>
  void Put(const T& value) {
    Put(&value, sizeof(value));
  }
  void Attribute(uint16_t type, const void* data, size_t length) {
    Put(rtattr{.rta_len = static_cast<uint16_t>(RTA_LENGTH(length)), .rta_type = type});
    Put(data, length);
  }
  std::vector<uint8_t> Finish() && {
    const auto length = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof(length));
    return std::move(bytes_);
  }

 private:
  // Everything begins at a multiple of four (NLMSG_ALIGN, RTA_ALIGN).
  void Put(const void* data, size_t length) {
    const size_t at = bytes_.size();
    bytes_.resize(at + NLMSG_ALIGN(length));
    std::memcpy(bytes_.data() + at, data, length);
  }

  std::vector<uint8_t> bytes_;
};

// The errno in an answer, which is an nlmsgerr also when all went well (netlink(7)).
int ErrorOf(const uint8_t* answer, size_t length) {
  nlmsghdr header;
  nlmsgerr error;
  if (length < NLMSG_LENGTH(sizeof(error))) return EPROTO;
  std::memcpy(&header, answer, sizeof(header));
  std::memcpy(&error, answer + NLMSG_HDRLEN, sizeof(error));
  return header.nlmsg_type == NLMSG_ERROR ? -error.error : EPROTO;
}

}  // namespace

std::vector<uint8_t> LinkMessage(int index, const LinkSettings& settings) {
  Message message(RTM_NEWLINK);
  ifinfomsg info{};
  info.ifi_index = index;
  info.ifi_flags = info.ifi_change = IFF_UP;
  message.Put(info);
  if (settings.netns >= 0) {
    message.Attribute(IFLA_NET_NS_FD, &settings.netns, sizeof(settings.netns));
  }
  message.Attribute(IFLA_IFNAME, settings.name.c_str(), settings.name.size() + 1);
  message.Attribute(IFLA_MTU, &settings.mtu, sizeof(settings.mtu));
  message.Attribute(IFLA_TXQLEN, &settings.queue_length, sizeof(settings.queue_length));
  message.Attribute(IFLA_GSO_MAX_SEGS, &settings.most_segments, sizeof(settings.most_segments));
  if (settings.mac) {
    message.Attribute(IFLA_ADDRESS, settings.mac->octets().data(), settings.mac->octets().size());
  }
  return std::move(message).Finish();
}

int ChangeLink(int index, const LinkSettings& settings) {
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.valid()) return errno;
  const std::vector<uint8_t> message = LinkMessage(index, settings);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (sendto(socket.get(), message.data(), message.size(), 0,
             reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel)) < 0)
    return errno;
  std::array<uint8_t, 4096> answer;
  const ssize_t got = recv(socket.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  return got < 0 ? errno : ErrorOf(answer.data(), static_cast<size_t>(got));
}

}  // namespace weft::tap
