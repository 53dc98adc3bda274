/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the files that know the broker's protobuf types share. Nobody else includes this. */
#ifndef BROKER_PB_H
#define BROKER_PB_H

#include "broker/broker_wire.h"

#include "broker.pb-c.h"

#define PB(name) VringIpc__Broker__V1__##name
#define PB_ERROR(name) VRING_IPC__BROKER__V1__ERROR__ERROR_##name
#define PB_BODY(name) VRING_IPC__BROKER__V1__PACKET__BODY_##name
#define PB_EVENT(name) VRING_IPC__BROKER__V1__EVENT_KIND__EVENT_##name

typedef PB(Packet) packet_pb;

/* Another library's errno numbers mean nothing here, so that codes and not they travel. */
PB(Error) broker_error_code(int error);
int broker_error_value(PB(Error) code);

/* Letters, digits, ".", "_" and "-", one at least. */
bool broker_is_key(const char *key);

#endif
