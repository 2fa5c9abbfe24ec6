// SPDX-License-Identifier: Apache-2.0
// For plugins whose ports share memory, sockets and eventfds with a container, beside
// core/sdk/weft.h: what weft's own vhost ports stand on (docs/dev/hostile.md has the rules). All of
// it is in weftd.
//
// The control thread has the port's life:
//   Endpoint       the port's socket: listens, or connects again and again (tenant/endpoint.h)
//   Listen, ...    UNIX sockets by path, and who is at their other end (base/unix_socket.h)
//   FileRights     whose that socket is: `owner`, `group` and `mode` (tenant/file_rights.h)
//   IsEventFd      whether a tenant has sent one, or something else (tenant/eventfd.h)
//   MappedFile     memory that a container has sent, which may shrink under us
//   Watch...Range  what that stands on: a fault in the range is repaired (tenant/memory_fault.h)
//   Closing        closes what may make its closer wait
//   TokenBucket    what a container's messages and log lines may cost
//   Log            one line an event, the port first (base/log.h)
// A worker has the packets:
//   ForeignPtr     the one way to bytes that a container can write (packet/foreign.h)
//   Spreader       where the next byte goes, and having it fetched in time (packet/payload_copy.h)
//   PortSplitter   a frame's packets by their port (graph/port_splitter.h)
//   SpinGuard      a ring that several workers write, for one burst (base/spin_lock.h)
//   Seconds        what a count of Cycles() is in time, asked on the control thread (base/tsc.h)
// Both share, each its own part, as the header says:
//   Notifier       interrupts containers, so that no worker writes a tenant's descriptor
//   KickSet        what wakes a worker that sleeps
//   PortRingsTable which rings belong to which port, and who polls them (tenant/port_rings.h)
#pragma once

#include "core/base/log.h"
#include "core/base/spin_lock.h"
#include "core/base/tsc.h"
#include "core/base/unix_socket.h"
#include "core/graph/port_splitter.h"
#include "core/packet/foreign.h"
#include "core/packet/payload_copy.h"
#include "core/tenant/closing.h"
#include "core/tenant/endpoint.h"
#include "core/tenant/eventfd.h"
#include "core/tenant/file_rights.h"
#include "core/tenant/kick_set.h"
#include "core/tenant/mapped_file.h"
#include "core/tenant/memory_fault.h"
#include "core/tenant/notifier.h"
#include "core/tenant/port_rings.h"
#include "core/tenant/token_bucket.h"
