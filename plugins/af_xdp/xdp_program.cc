// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/xdp_program.h"

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "plugins/af_xdp/kernel_interface.h"

namespace weft::af_xdp {
namespace {

// A descriptor, or -1 and errno.
int Bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof(attributes)));
}

template <size_t N>
void Name(char (&to)[N], std::string_view name) {
  name.copy(to, N - 1);
}

uint64_t Address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

// return bpf_redirect_map(&sockets, context->rx_queue_index, XDP_DROP); the last is for a queue
// without a socket, and there is none when the program is attached (bpf-helpers(7)).
absl::StatusOr<UniqueFd> Load(int sockets) {
  const bpf_insn program[] = {
      {.code = BPF_LDX | BPF_MEM | BPF_W,  // r2 = context->rx_queue_index
       .dst_reg = BPF_REG_2,
       .src_reg = BPF_REG_1,
       .off = offsetof(xdp_md, rx_queue_index),
       .imm = 0},
      // NOLINTNEXTLINE(misc-redundant-expression): two fields of a code, both of which are 0
      {.code = BPF_LD | BPF_DW | BPF_IMM,  // r1 = the map; of two halves
       .dst_reg = BPF_REG_1,
       .src_reg = BPF_PSEUDO_MAP_FD,
       .off = 0,
       .imm = sockets},
      {.code = 0, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K,  // r3 = what to do if it has no socket
       .dst_reg = BPF_REG_3,
       .src_reg = 0,
       .off = 0,
       .imm = XDP_DROP},
      {.code = BPF_JMP | BPF_CALL,
       .dst_reg = 0,
       .src_reg = 0,
       .off = 0,
       .imm = BPF_FUNC_redirect_map},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  };
  static constexpr char kLicence[] = "Apache-2.0";
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof(attributes));  // a union: the kernel wants zeroes behind
  attributes.prog_type = BPF_PROG_TYPE_XDP;
  attributes.expected_attach_type = BPF_XDP;
  attributes.insns = Address(program);
  attributes.insn_cnt = sizeof(program) / sizeof(program[0]);
  attributes.license = Address(kLicence);
  Name(attributes.prog_name, "weft");
  UniqueFd loaded(Bpf(BPF_PROG_LOAD, attributes));
  if (!loaded.valid()) return SystemError("give the kernel an XDP program", errno);
  return loaded;
}

}  // namespace

absl::StatusOr<std::unique_ptr<XdpProgram>> XdpProgram::Make(uint32_t queues) {
  std::unique_ptr<XdpProgram> made(new XdpProgram);
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof(attributes));
  attributes.map_type = BPF_MAP_TYPE_XSKMAP;
  attributes.key_size = sizeof(uint32_t);
  attributes.value_size = sizeof(uint32_t);
  attributes.max_entries = queues;
  Name(attributes.map_name, "weft");
  made->sockets_ = UniqueFd(Bpf(BPF_MAP_CREATE, attributes));
  if (!made->sockets_.valid()) return SystemError("make a map of AF_XDP sockets", errno);
  absl::StatusOr<UniqueFd> program = Load(made->sockets_.get());
  if (!program.ok()) return program.status();
  made->program_ = *std::move(program);
  return made;
}

absl::Status XdpProgram::Lead(uint32_t queue, int socket) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof(attributes));
  attributes.map_fd = static_cast<uint32_t>(sockets_.get());
  attributes.key = Address(&queue);
  attributes.value = Address(&socket);
  if (Bpf(BPF_MAP_UPDATE_ELEM, attributes) == 0) return absl::OkStatus();
  return SystemError("lead a queue to its AF_XDP socket", errno);
}

absl::Status XdpProgram::Attach(unsigned interface, Mode mode) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof(attributes));
  attributes.link_create.prog_fd = static_cast<uint32_t>(program_.get());
  attributes.link_create.target_ifindex = interface;
  attributes.link_create.attach_type = BPF_XDP;
  attributes.link_create.flags = XDP_FLAGS_DRV_MODE;
  link_ = UniqueFd(Bpf(BPF_LINK_CREATE, attributes));
  in_driver_ = link_.valid();
  if (!link_.valid() && errno == EOPNOTSUPP && mode != Mode::kZeroCopy) {
    attributes.link_create.flags = XDP_FLAGS_SKB_MODE;
    link_ = UniqueFd(Bpf(BPF_LINK_CREATE, attributes));
  }
  if (link_.valid()) return absl::OkStatus();
  const int error = errno;
  absl::Status status = SystemError("attach an XDP program to the interface", error);
  if (error == EBUSY || error == EEXIST) {
    return absl::UnavailableError(
        "the interface has another XDP program; `ip link show` says which, `ip link set dev NAME "
        "xdp off` takes it away");
  }
  if (error == ERANGE) {  // veth's driver has a limit of its own
    return absl::FailedPreconditionError(
        Cat(MessageOf(status),
            "; for XDP the mtu of the interface, or of a veth's other end, is too large"));
  }
  return status;
}

}  // namespace weft::af_xdp
