/* SPDX-License-Identifier: MIT */
/* Secrets of targets, read from files. Nothing here prints one, and every copy is wiped. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/codec.h"
#include "sink/sink.h"

#define FILE_MAX    4096
#define KEY_MIN     24 /* of bytes, as Standard Webhooks has it */
#define KEY_MAX     64
#define BASE64_MAX  88 /* of KEY_MAX bytes */
#define PREFIX      "whsec_"
#define PREFIX_SIZE (sizeof PREFIX - 1)
#define BYTES_MAX   (SECRET_KEYS_MAX * KEY_MAX) /* of all keys, or of a password */

enum secret_use pawli_secret_use(const char *url)
{
    static const char *const brokers[] = {"nats:", "amqp:"};
    for (size_t i = 0; i < COUNT_OF(brokers); i++)
        if (strncmp(url, brokers[i], strlen(brokers[i])) == 0)
            return SECRET_LOGS_IN;
    return SECRET_SIGNS;
}

static struct file_stamp stamp_of(const struct stat *stat)
{
    return (struct file_stamp){.device = stat->st_dev,
                               .inode = stat->st_ino,
                               .size = stat->st_size,
                               .modified_ns = stat->st_mtim.tv_sec * 1000000000 + stat->st_mtim.tv_nsec,
                               .changed_ns = stat->st_ctim.tv_sec * 1000000000 + stat->st_ctim.tv_nsec};
}

bool pawli_secret_is_current(const struct secret *secret, const char *path)
{
    struct stat now;
    if (stat(path, &now) < 0)
        return false;
    struct file_stamp stamp = stamp_of(&now);
    return memcmp(&stamp, &secret->stamp, sizeof stamp) == 0;
}

static int open_file(const char *path, struct file_stamp *stamp, pawl_error *err)
{
    /* O_NONBLOCK: a FIFO in its place must not hold up the loop. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat) < 0)
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_EUNAVAIL, "the secret file \"%.160s\" cannot be opened: %s", path, strerror(errno)),
            "name a file that this process may read");
    int status = PAWL_OK;
    if (!S_ISREG(stat.st_mode))
        status = pawli_fail(err, PAWL_EINVAL, "the secret file \"%.160s\" is no regular file", path);
    else if (stat.st_mode & (S_IRWXO | S_IWGRP))
        status = pawli_hint(
            err, pawli_fail(err, PAWL_EREFUSED, "others may read or change the secret file \"%.160s\"", path),
            "chmod 600 it, and replace the secret if others could read it");
    *stamp = stamp_of(&stat);
    if (status == PAWL_OK)
        return fd;
    close(fd);
    return status;
}

/* Standard Webhooks leaves the padding of a key to whoever made it. */
static bool decode(struct text base64, struct secret *secret, char **at)
{
    char padded[BASE64_MAX + 4];
    struct arena arena = {0};
    struct text key = {0};
    if (base64.size > BASE64_MAX)
        return false;
    memcpy(padded, base64.data, base64.size);
    size_t size = base64.size;
    while (size % 4 != 0)
        padded[size++] = '=';
    bool good = pawli_unbase64(&arena, (struct text){padded, size}, &key) && key.size >= KEY_MIN && key.size <= KEY_MAX;
    if (good) {
        memcpy(*at, key.data, key.size);
        secret->keys[secret->key_count++] = (struct text){*at, key.size};
        *at += key.size;
    }
    OPENSSL_cleanse(padded, sizeof padded);
    if (key.data)
        OPENSSL_cleanse((char *)(uintptr_t)key.data, key.size);
    pawli_arena_done(&arena);
    return good;
}

static struct text next_line(struct text *rest)
{
    const char *end = memchr(rest->data, '\n', rest->size);
    struct text line = {rest->data, end ? (size_t)(end - rest->data) : rest->size};
    size_t taken = line.size + (end ? 1 : 0);
    *rest = (struct text){rest->data + taken, rest->size - taken};
    while (line.size > 0 && strchr(" \t\r", line.data[line.size - 1]))
        line.size--;
    return line;
}

static int read_keys(const char *path, struct text content, struct secret *secret, pawl_error *err)
{
    char *at = secret->bytes;
    for (int number = 1; content.size > 0; number++) {
        struct text line = next_line(&content);
        if (line.size == 0)
            continue;
        if (secret->key_count == SECRET_KEYS_MAX)
            return pawli_fail(err, PAWL_EINVAL, "the secret file \"%.140s\" has more than %d keys", path,
                              SECRET_KEYS_MAX);
        bool good = line.size > PREFIX_SIZE && memcmp(line.data, PREFIX, PREFIX_SIZE) == 0;
        if (!good || !decode((struct text){line.data + PREFIX_SIZE, line.size - PREFIX_SIZE}, secret, &at))
            return pawli_hint(
                err, pawli_fail(err, PAWL_EINVAL, "line %d of the secret file \"%.140s\" is no key", number, path),
                "write a key a line: " PREFIX " and base64 of %d to %d random bytes", KEY_MIN, KEY_MAX);
    }
    if (secret->key_count == 0)
        return pawli_fail(err, PAWL_EINVAL, "the secret file \"%.160s\" has no key", path);
    return PAWL_OK;
}

static int read_password(const char *path, struct text content, struct secret *secret, pawl_error *err)
{
    while (content.size > 0) {
        struct text line = next_line(&content);
        if (line.size == 0)
            continue;
        if (secret->key_count > 0 || line.size > BYTES_MAX || memchr(line.data, '\0', line.size))
            return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the secret file \"%.160s\" is not one password", path),
                              "write the password of the broker in one line of at most %d bytes", BYTES_MAX);
        memcpy(secret->bytes, line.data, line.size);
        secret->keys[secret->key_count++] = (struct text){secret->bytes, line.size};
    }
    if (secret->key_count == 0)
        return pawli_fail(err, PAWL_EINVAL, "the secret file \"%.160s\" has no password", path);
    return PAWL_OK;
}

int pawli_secret_read(const char *path, enum secret_use use, struct secret **ret_secret, pawl_error *err)
{
    int (*const read_lines)(const char *path, struct text content, struct secret *secret,
                            pawl_error *err) = use == SECRET_LOGS_IN ? read_password : read_keys;
    char content[FILE_MAX + 1];
    struct file_stamp stamp;
    int fd = open_file(path, &stamp, err); /* before it is read: what changes meanwhile is read again */
    if (fd < 0)
        return fd;
    ssize_t size = read(fd, content, sizeof content);
    int problem = errno;
    close(fd);
    if (size < 0)
        return pawli_fail(err, PAWL_EUNAVAIL, "the secret file \"%.160s\" cannot be read: %s", path, strerror(problem));
    struct secret *secret = pawli_alloc(sizeof *secret + BYTES_MAX);
    int status = secret ? PAWL_OK : pawli_no_memory(err);
    if (secret) {
        secret->holds = 1;
        secret->stamp = stamp;
        status = size > FILE_MAX ? pawli_fail(err, PAWL_EINVAL, "the secret file \"%.160s\" is too big", path)
                                 : read_lines(path, (struct text){content, (size_t)size}, secret, err);
    }
    OPENSSL_cleanse(content, sizeof content);
    if (status < 0) {
        pawli_secret_release(secret);
        return status;
    }
    *ret_secret = secret;
    return PAWL_OK;
}

bool pawli_secret_equal(const struct secret *a, const struct secret *b)
{
    if (!a || !b)
        return a == b;
    bool equal = a->key_count == b->key_count;
    for (size_t i = 0; equal && i < a->key_count; i++)
        equal = a->keys[i].size == b->keys[i].size &&
                CRYPTO_memcmp(a->keys[i].data, b->keys[i].data, a->keys[i].size) == 0;
    return equal;
}

struct secret *pawli_secret_hold(struct secret *secret)
{
    if (secret)
        secret->holds++;
    return secret;
}

struct secret *pawli_secret_release(struct secret *secret)
{
    if (secret && --secret->holds == 0) {
        OPENSSL_cleanse(secret, sizeof *secret + BYTES_MAX);
        pawli_free(secret);
    }
    return NULL;
}
