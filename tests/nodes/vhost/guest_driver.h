// SPDX-License-Identifier: Apache-2.0
// The container's side of a vhost ring, for tests, fuzzing and benchmarks: guest memory in a memfd,
// and a driver that can offer chains of any shape, legal or not, and looks at what comes back. It
// writes memory plainly, through a mapping of its own, as a container would.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "nodes/vhost/protocol.h"
#include "nodes/vhost/queue.h"
#include "nodes/vhost/ring_layout.h"
#include "nodes/vhost/virtio_net.h"

namespace weft::vhost::testing {

using Bytes = std::vector<uint8_t>;

// A guest with `size` bytes of memory in one region at kBase, in a file that memfd_create makes
// with these flags. Aborts if the machine has none left.
class Guest {
 public:
  static constexpr uint64_t kBase = 0x1'0000'0000;
  static constexpr uint64_t kUserBase = 0x7000'0000;  // the same memory, as the front-end knows it

  explicit Guest(size_t size = 4 << 20, unsigned flags = 0) : size_(size), next_(0) {
    std::vector<UniqueFd> fds;
    fds.emplace_back(memfd_create("guest", MFD_CLOEXEC | flags));
    if (ftruncate(fds[0].get(), static_cast<off_t>(size)) != 0) std::abort();
    void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0].get(), 0);
    if (at == MAP_FAILED) std::abort();
    bytes_ = static_cast<uint8_t*>(at);
    const RegionRequest region{
        .guest_address = kBase, .size = size, .user_address = kUserBase, .file_offset = 0};
    auto memory = GuestMemory::Map({&region, 1}, fds, size);
    if (!memory.ok()) std::abort();
    memory_ = *std::move(memory);
    file_ = std::move(fds[0]);
  }
  ~Guest() { munmap(bytes_, size_); }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  // Fresh guest memory, never given back. Aborts when the guest is full.
  uint64_t Allocate(size_t length, size_t alignment = 64) {
    next_ = (next_ + alignment - 1) / alignment * alignment;
    const uint64_t address = kBase + next_;
    next_ += length;
    if (next_ > size_) std::abort();
    return address;
  }
  // The guest's own view of an address; null if it has none.
  uint8_t* At(uint64_t address) {
    return address - kBase < size_ ? bytes_ + (address - kBase) : nullptr;
  }
  template <typename T>
  T& As(uint64_t address) {
    return *reinterpret_cast<T*>(At(address));
  }
  uint64_t Put(std::span<const uint8_t> bytes, size_t alignment = 64) {
    const uint64_t address = Allocate(bytes.size(), alignment);
    if (!bytes.empty()) std::memcpy(At(address), bytes.data(), bytes.size());
    return address;
  }
  // Where weft sees an address.
  ForeignPtr Foreign(uint64_t address) const { return memory_->Translate(address, 1); }
  const std::shared_ptr<const GuestMemory>& memory() const { return memory_; }
  uint64_t end() const { return kBase + size_; }
  int file() const { return file_.get(); }
  // Forgets what was allocated after `next` was allocated().
  size_t allocated() const { return next_; }
  void Rewind(size_t allocated) { next_ = allocated; }

 private:
  const size_t size_;
  size_t next_;
  uint8_t* bytes_ = nullptr;
  UniqueFd file_;
  std::shared_ptr<const GuestMemory> memory_;
};

// How a chain is laid out.
enum class Layout { kDirect, kIndirect };

// The driver's side of a ring, whatever its layout.
class GuestQueue {
 public:
  using Pieces = std::span<const std::pair<uint64_t, uint32_t>>;  // address, length

  GuestQueue(Guest& guest, uint16_t size, Direction direction, PortId port, uint16_t first_index)
      : guest_(guest),
        size_(size),
        direction_(direction),
        queue_(std::make_shared<Queue>(port, direction)) {
    view_.size = size;
    view_.mergeable = true;
    view_.indirect = true;
    view_.memory = guest.memory();
    queue_->Reset(first_index);
  }
  virtual ~GuestQueue() = default;
  GuestQueue(const GuestQueue&) = delete;
  GuestQueue& operator=(const GuestQueue&) = delete;

  Queue& queue() { return *queue_; }
  const std::shared_ptr<Queue>& shared_queue() { return queue_; }
  RingView& view() { return view_; }
  uint16_t size() const { return size_; }

  // Where the ring is, for who tells a switch; and where both sides begin (SET_VRING_BASE).
  virtual RingAddressPayload addresses(uint32_t index) const = 0;
  virtual uint32_t base() const { return queue_->cursor.next_avail; }
  // Makes a chain and returns its id; it is not available yet.
  uint16_t MakeChain(Pieces pieces, Layout layout = Layout::kDirect) {
    return LayOut(pieces, layout);
  }
  // Makes a chain available, again when it has come back.
  virtual void Offer(uint16_t id) = 0;
  uint16_t OfferChain(Pieces pieces, Layout layout = Layout::kDirect) {
    const uint16_t id = MakeChain(pieces, layout);
    Offer(id);
    return id;
  }
  // What has come back since the last call.
  virtual std::vector<UsedElement> TakeUsed() = 0;
  // All bytes of a chain, as the guest sees them.
  virtual Bytes ChainBytes(uint16_t id) = 0;

  // Offers a frame, with its virtio-net header, in pieces of the given lengths; the last piece is
  // what is left. Returns the id.
  uint16_t Send(const Bytes& frame, std::span<const size_t> cuts = {},
                Layout layout = Layout::kDirect, VirtioNetHeader header = {}) {
    Bytes all(kNetHeader + frame.size());
    std::memcpy(all.data(), &header, sizeof(header));
    if (!frame.empty()) std::memcpy(all.data() + kNetHeader, frame.data(), frame.size());
    std::vector<std::pair<uint64_t, uint32_t>> pieces;
    size_t at = 0;
    const auto add = [&](size_t length) {
      pieces.emplace_back(guest_.Put(std::span(all).subspan(at, length), 1),
                          static_cast<uint32_t>(length));
      at += length;
    };
    for (const size_t cut : cuts) {
      if (cut < all.size() - at) add(cut);
    }
    add(all.size() - at);
    return OfferChain(pieces, layout);
  }
  // Offers a receive buffer of the given pieces, filled with a pattern. Returns the id.
  uint16_t Post(std::span<const size_t> lengths, Layout layout = Layout::kDirect) {
    std::vector<std::pair<uint64_t, uint32_t>> pieces;
    for (const size_t length : lengths) {
      pieces.emplace_back(guest_.Put(Bytes(length, kUntouched), 1), static_cast<uint32_t>(length));
    }
    return OfferChain(pieces, layout);
  }
  uint16_t Post(size_t length) { return Post(std::span(&length, 1)); }

  // Reads the next received frame (which may span chains) as a driver does: header, then frame.
  // Empty if there is none, or if what came back was no frame.
  Bytes Receive() {
    if (pending_.empty()) pending_ = TakeUsed();
    if (pending_.empty()) return {};
    Bytes all = Filled(pending_.front());
    pending_.erase(pending_.begin());
    if (all.size() < kNetHeader) return {};
    VirtioNetHeader header;
    std::memcpy(&header, all.data(), sizeof(header));
    for (uint16_t i = 1; i < header.num_buffers && !pending_.empty(); ++i) {
      const Bytes more = Filled(pending_.front());
      pending_.erase(pending_.begin());
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }

  static constexpr uint8_t kUntouched = 0xa5;

 protected:
  virtual uint16_t LayOut(Pieces pieces, Layout layout) = 0;
  static RingAddressPayload AddressesOf(uint32_t index, uint64_t descriptors, uint64_t available,
                                        uint64_t used) {
    constexpr uint64_t kAway = Guest::kBase - Guest::kUserBase;
    return {.index = index,
            .flags = 0,
            .descriptors = descriptors - kAway,
            .used = used - kAway,
            .available = available - kAway,
            .log = 0};
  }
  uint16_t Slot(size_t position) const { return static_cast<uint16_t>(position & (size_ - 1u)); }
  uint16_t write_flag() const {
    return direction_ == Direction::kToGuest ? Descriptor::kWrite : uint16_t{0};
  }

  Guest& guest_;
  const uint16_t size_;
  const Direction direction_;
  std::shared_ptr<Queue> queue_;
  RingView view_;

 private:
  Bytes Filled(const UsedElement& element) {
    Bytes bytes = ChainBytes(static_cast<uint16_t>(element.head));
    bytes.resize(element.length);
    return bytes;
  }

  std::vector<UsedElement> pending_;
};

// A split ring and its driver. A chain's id is its head.
class GuestRing : public GuestQueue {
 public:
  GuestRing(Guest& guest, uint16_t size, Direction direction, PortId port = PortId(0),
            uint16_t first_index = 0)
      : GuestQueue(guest, size, direction, port, first_index),
        free_head_(0),
        avail_index_(first_index),
        used_index_(first_index) {
    descriptors_ = guest.Allocate(sizeof(Descriptor) * size);
    available_ = guest.Allocate(kAvailRing + sizeof(uint16_t) * size + 2u);
    used_ = guest.Allocate(kUsedRing + sizeof(UsedElement) * size + 2u);
    guest.As<uint16_t>(available_ + kAvailIndex) = first_index;
    guest.As<uint16_t>(used_ + 2) = first_index;
    view_.descriptors = guest.Foreign(descriptors_);
    view_.available = guest.Foreign(available_);
    view_.used = guest.Foreign(used_);
  }

  RingAddressPayload addresses(uint32_t index) const override {
    return AddressesOf(index, descriptors_, available_, used_);
  }
  // The next descriptor of the table, round and round: a test does not offer more than there are.
  uint16_t NextDescriptor() { return std::exchange(free_head_, Slot(free_head_ + 1)); }
  void Write(uint16_t index, Descriptor descriptor) {
    guest_.As<Descriptor>(descriptors_ + sizeof(Descriptor) * index) = descriptor;
  }
  Descriptor Read(uint16_t index) {
    return guest_.As<Descriptor>(descriptors_ + sizeof(Descriptor) * index);
  }

  // Makes a chain of `pieces` (address, length) and returns its head, which is not offered yet.
  uint16_t LayOut(Pieces pieces, Layout layout) override {
    const uint16_t write = write_flag();
    if (layout == Layout::kIndirect) {
      const uint64_t table = guest_.Allocate(sizeof(Descriptor) * pieces.size(), 16);
      for (size_t i = 0; i < pieces.size(); ++i) {
        guest_.As<Descriptor>(table + sizeof(Descriptor) * i) =
            Link(pieces[i], write, i + 1 < pieces.size(), i + 1);
      }
      const uint16_t head = NextDescriptor();
      Write(head, {table, static_cast<uint32_t>(sizeof(Descriptor) * pieces.size()),
                   Descriptor::kIndirect, 0});
      return head;
    }
    uint16_t head = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const uint16_t index = NextDescriptor();
      if (i == 0) head = index;
      Write(index, Link(pieces[i], write, i + 1 < pieces.size(), Slot(index + 1)));
    }
    return head;
  }
  // Puts a head into the available ring and tells the switch.
  void Offer(uint16_t head) override {
    guest_.As<uint16_t>(available_ + kAvailRing + sizeof(uint16_t) * Slot(avail_index_)) = head;
    SetAvailIndex(static_cast<uint16_t>(avail_index_ + 1));
  }
  void SetAvailIndex(uint16_t index) {
    avail_index_ = index;
    std::atomic_ref<uint16_t>(guest_.As<uint16_t>(available_ + kAvailIndex))
        .store(index, std::memory_order_release);
  }
  uint16_t avail_index() const { return avail_index_; }
  void SetAvailFlags(uint16_t flags) { guest_.As<uint16_t>(available_) = flags; }
  // With EVENT_IDX: interrupt me when the element at this position has been published (§2.7.7).
  void SetUsedEvent(uint16_t position) {
    std::atomic_ref<uint16_t>(guest_.As<uint16_t>(available_ + UsedEvent(size_)))
        .store(position, std::memory_order_seq_cst);
  }
  uint16_t avail_event() {  // behind the used ring, §2.7.10
    return guest_.As<uint16_t>(used_ + kUsedRing + sizeof(UsedElement) * size_);
  }
  uint16_t used_flags() { return guest_.As<uint16_t>(used_); }
  uint16_t used_index() {
    return std::atomic_ref<uint16_t>(guest_.As<uint16_t>(used_ + 2))
        .load(std::memory_order_acquire);
  }

  std::vector<UsedElement> TakeUsed() override {
    std::vector<UsedElement> elements;
    for (; used_index_ != used_index(); ++used_index_) {
      elements.push_back(
          guest_.As<UsedElement>(used_ + kUsedRing + sizeof(UsedElement) * Slot(used_index_)));
    }
    return elements;
  }
  Bytes ChainBytes(uint16_t head) override {
    Bytes all;
    Descriptor d = Read(head);
    uint64_t table = descriptors_;
    if ((d.flags & Descriptor::kIndirect) != 0) {
      table = d.address;
      d = guest_.As<Descriptor>(table);
    }
    for (;;) {
      const uint8_t* const data = guest_.At(d.address);
      all.insert(all.end(), data, data + d.length);
      if ((d.flags & Descriptor::kNext) == 0) return all;
      d = guest_.As<Descriptor>(table + sizeof(Descriptor) * d.next);
    }
  }

 private:
  static Descriptor Link(std::pair<uint64_t, uint32_t> piece, uint16_t write, bool more,
                         size_t next) {
    const uint16_t flags = static_cast<uint16_t>(write | (more ? Descriptor::kNext : 0));
    return {piece.first, piece.second, flags, more ? static_cast<uint16_t>(next) : uint16_t{0}};
  }

  uint64_t descriptors_, available_, used_;
  uint16_t free_head_;
  uint16_t avail_index_;
  uint16_t used_index_;
};

}  // namespace weft::vhost::testing
