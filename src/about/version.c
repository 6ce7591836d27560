/* SPDX-License-Identifier: MIT */
/* Versions: of pawl, and of what it is linked with. */
#include "pawl/version.h"

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/base.h"
#include "sink/sink.h"
#include "store/store.h"

const char *pawl_version(void)
{
    return PAWL_VERSION;
}

const char *pawl_linked(size_t index, const char **ret_version)
{
    const struct {
        const char *name, *version;
    } linked[] = {{"SQLite", pawli_store_sqlite.version()},
                  {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)},
                  {"libcurl", curl_version_info(CURLVERSION_NOW)->version}};
    if (index >= COUNT_OF(linked))
        return NULL;
    if (ret_version)
        *ret_version = linked[index].version;
    return linked[index].name;
}
