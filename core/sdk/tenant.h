// SPDX-License-Identifier: Apache-2.0
// For plugins whose ports share memory, sockets and eventfds with a container, beside
// core/sdk/weft.h: what weft's own vhost ports stand on (docs/dev/hostile.md has the rules). All of
// it is in weftd. Control thread, but for what a worker may ask of a Notifier and a KickSet.
//
//   Endpoint       the port's socket: listens, or connects again and again
//   MappedFile     memory that a container has sent, which may shrink under us
//   Notifier       interrupts containers, so that no worker writes a tenant's descriptor
//   KickSet        what wakes a worker that sleeps
//   PortRingsTable which rings belong to which port, and who polls them
//   Closing        closes what may make its closer wait
//   TokenBucket    what a container's messages and log lines may cost
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
