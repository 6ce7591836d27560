/* SPDX-License-Identifier: MIT */
/* What the NATS sink calls of libnats, each function by a pointer that library.h fills. */
#ifndef PAWLI_NATS_API_H
#define PAWLI_NATS_API_H

#include <nats/nats.h>

#define NATS_FUNCTIONS(EACH)                                                                                           \
    EACH(nats_Open)                                                                                                    \
    EACH(nats_Sleep)                                                                                                   \
    EACH(nats_GetLastError)                                                                                            \
    EACH(natsStatus_GetText)                                                                                           \
    EACH(natsOptions_Create)                                                                                           \
    EACH(natsOptions_SetURL)                                                                                           \
    EACH(natsOptions_SetName)                                                                                          \
    EACH(natsOptions_SetTimeout)                                                                                       \
    EACH(natsOptions_SetAllowReconnect)                                                                                \
    EACH(natsOptions_SetPingInterval)                                                                                  \
    EACH(natsOptions_SetIgnoreDiscoveredServers)                                                                       \
    EACH(natsOptions_UseGlobalMessageDelivery)                                                                         \
    EACH(natsOptions_SetUserInfo)                                                                                      \
    EACH(natsOptions_SetToken)                                                                                         \
    EACH(natsOptions_SetEventLoop)                                                                                     \
    EACH(natsOptions_Destroy)                                                                                          \
    EACH(natsInbox_Create)                                                                                             \
    EACH(natsInbox_Destroy)                                                                                            \
    EACH(natsConnection_Connect)                                                                                       \
    EACH(natsConnection_Subscribe)                                                                                     \
    EACH(natsConnection_IsClosed)                                                                                      \
    EACH(natsConnection_Buffered)                                                                                      \
    EACH(natsConnection_GetLastError)                                                                                  \
    EACH(natsConnection_GetMaxPayload)                                                                                 \
    EACH(natsConnection_ProcessReadEvent)                                                                              \
    EACH(natsConnection_ProcessWriteEvent)                                                                             \
    EACH(natsConnection_PublishString)                                                                                 \
    EACH(natsConnection_PublishRequestString)                                                                          \
    EACH(natsConnection_PublishMsg)                                                                                    \
    EACH(natsConnection_Destroy)                                                                                       \
    EACH(natsSubscription_SetOnCompleteCB)                                                                             \
    EACH(natsSubscription_Destroy)                                                                                     \
    EACH(natsMsg_Create)                                                                                               \
    EACH(natsMsg_GetSubject)                                                                                           \
    EACH(natsMsg_GetData)                                                                                              \
    EACH(natsMsg_GetDataLength)                                                                                        \
    EACH(natsMsg_IsNoResponders)                                                                                       \
    EACH(natsMsgHeader_Set)                                                                                            \
    EACH(natsMsgHeader_Get)                                                                                            \
    EACH(natsMsg_Destroy)

#define NATS_POINTER(name) __typeof__(name) *name;
struct nats_api {
    NATS_FUNCTIONS(NATS_POINTER)
};

#endif
