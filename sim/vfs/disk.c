/* SPDX-License-Identifier: MIT */
/* The disk: images, traces, and what a crash makes of them. */
#include "vfs/disk.h"

#include <stdlib.h>
#include <string.h>

void *pawli_disk_alloc(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory)
        abort();
    return memory;
}

uint64_t pawli_mix(uint64_t a, uint64_t b)
{
    uint64_t z = a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2));
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t pawli_draw(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return pawli_mix(*state, 0);
}

/* ---- images ---- */

static void reserve(struct disk_file *file, size_t size)
{
    if (size <= file->room)
        return;
    file->room = size * 2 + 4096;
    file->bytes = pawli_disk_alloc(file->bytes, file->room);
}

void pawli_image_write(struct disk_file *file, uint64_t offset, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    reserve(file, offset + size);
    if (offset > file->size)
        memset(file->bytes + file->size, 0, offset - file->size);
    memcpy(file->bytes + offset, bytes, size);
    if (offset + size > file->size)
        file->size = offset + size;
}

void pawli_image_truncate(struct disk_file *file, uint64_t size)
{
    if (size < file->size)
        file->size = size;
}

void pawli_image_copy(struct disk_image *to, const struct disk_image *from)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        struct disk_file *file = &to->files[i];
        file->exists = from->files[i].exists;
        file->size = from->files[i].size;
        reserve(file, file->size);
        if (file->size)
            memcpy(file->bytes, from->files[i].bytes, file->size);
    }
}

void pawli_image_done(struct disk_image *image)
{
    for (size_t i = 0; i < DISK_FILES; i++)
        free(image->files[i].bytes);
    *image = (struct disk_image){0};
}

uint64_t pawli_image_hash(const struct disk_file *file)
{
    uint64_t lanes[4] = {1, 2, 3, 4};
    size_t at = 0;
    for (; at + sizeof lanes <= file->size; at += sizeof lanes) {
        uint64_t words[4];
        memcpy(words, file->bytes + at, sizeof words);
        for (size_t i = 0; i < 4; i++) {
            lanes[i] = (lanes[i] ^ words[i]) * 0x9e3779b97f4a7c15u;
            lanes[i] ^= lanes[i] >> 29;
        }
    }
    uint64_t hash = file->size;
    for (; at < file->size; at++)
        hash = pawli_mix(hash, file->bytes[at]);
    for (size_t i = 0; i < 4; i++)
        hash = pawli_mix(hash, lanes[i]);
    return hash;
}

/* ---- traces ---- */

void pawli_trace_add(struct disk_trace *trace, const struct disk_op *op)
{
    if (trace->count == trace->room) {
        trace->room = trace->room ? trace->room * 2 : 256;
        trace->ops = pawli_disk_alloc(trace->ops, trace->room * sizeof *trace->ops);
    }
    struct disk_op *added = &trace->ops[trace->count++];
    *added = *op;
    if (op->bytes) {
        added->bytes = pawli_disk_alloc(NULL, op->size + 1);
        memcpy(added->bytes, op->bytes, op->size);
    }
}

void pawli_trace_cut(struct disk_trace *trace, size_t count)
{
    while (trace->count > count)
        free(trace->ops[--trace->count].bytes);
}

void pawli_trace_done(struct disk_trace *trace)
{
    pawli_trace_cut(trace, 0);
    free(trace->ops);
    *trace = (struct disk_trace){0};
}

/* ---- the walk ---- */

static bool is_folder_op(const struct disk_op *op)
{
    return op->kind == DISK_CREATE || op->kind == DISK_DELETE;
}

static void apply(struct disk_image *image, const struct disk_op *op)
{
    struct disk_file *file = &image->files[op->file];
    switch (op->kind) {
    case DISK_CREATE:
        file->exists = true;
        break;
    case DISK_DELETE:
        file->exists = false;
        file->size = 0;
        break;
    case DISK_WRITE:
        pawli_image_write(file, op->offset, op->bytes, op->size);
        break;
    case DISK_TRUNCATE:
        pawli_image_truncate(file, op->offset);
        break;
    case DISK_SYNC:
    case DISK_SYNC_FAILED:
        break;
    }
}

void pawli_walk_begin(struct disk_walk *walk, const struct disk_trace *trace, const struct disk_image *from)
{
    *walk = (struct disk_walk){.trace = trace, .key = 1};
    pawli_image_copy(&walk->durable, from);
}

void pawli_walk_done(struct disk_walk *walk)
{
    pawli_image_done(&walk->durable);
    free(walk->pending);
    *walk = (struct disk_walk){0};
}

static void settle(struct disk_walk *walk, const struct disk_pending *pending)
{
    apply(&walk->durable, &walk->trace->ops[pending->op]);
    walk->key = pawli_mix(walk->key, pending->op + 1);
}

/* Takes what the sync writes out of what is pending; the folder comes first, since a file that was deleted and made again
 * keeps nothing of before. */
static void sync_pending(struct disk_walk *walk, const struct disk_op *sync)
{
    const struct disk_op *ops = walk->trace->ops;
    size_t kept = 0;
    for (size_t i = 0; sync->syncs_folder && i < walk->pending_count; i++)
        if (is_folder_op(&ops[walk->pending[i].op]) && walk->pending[i].op < sync->begun)
            settle(walk, &walk->pending[i]);
    for (size_t i = 0; i < walk->pending_count; i++) {
        struct disk_pending *pending = &walk->pending[i];
        const struct disk_op *op = &ops[pending->op];
        bool data = !is_folder_op(op) && op->file == sync->file && !pending->clean && pending->op < sync->begun;
        if (data)
            settle(walk, pending);
        if (!data && !(sync->syncs_folder && is_folder_op(op) && pending->op < sync->begun))
            walk->pending[kept++] = *pending;
    }
    walk->pending_count = kept;
}

static void add_pending(struct disk_walk *walk)
{
    if (walk->pending_count == walk->pending_room) {
        walk->pending_room = walk->pending_room ? walk->pending_room * 2 : 64;
        walk->pending = pawli_disk_alloc(walk->pending, walk->pending_room * sizeof *walk->pending);
    }
    walk->pending[walk->pending_count++] = (struct disk_pending){.op = walk->at};
}

/* What was pending for a file that is deleted will not be written any more. */
static void forget_pending(struct disk_walk *walk, unsigned file)
{
    size_t kept = 0;
    for (size_t i = 0; i < walk->pending_count; i++) {
        const struct disk_op *op = &walk->trace->ops[walk->pending[i].op];
        if (is_folder_op(op) || op->file != file)
            walk->pending[kept++] = walk->pending[i];
    }
    walk->pending_count = kept;
}

void pawli_walk_step(struct disk_walk *walk)
{
    const struct disk_op *op = &walk->trace->ops[walk->at];
    switch (op->kind) {
    case DISK_SYNC:
        sync_pending(walk, op);
        break;
    case DISK_SYNC_FAILED:
        for (size_t i = 0; i < walk->pending_count; i++)
            if (walk->trace->ops[walk->pending[i].op].file == op->file && walk->pending[i].op < op->begun)
                walk->pending[i].clean = true;
        break;
    case DISK_DELETE:
        forget_pending(walk, op->file);
        add_pending(walk);
        break;
    case DISK_CREATE:
    case DISK_WRITE:
    case DISK_TRUNCATE:
        add_pending(walk);
        break;
    }
    walk->at++;
}

/* ---- losing ---- */

struct losing {
    const struct disk_walk *walk;
    struct disk_image *image;
    bool powersafe;
    uint64_t random, key;
};

static void garble(struct losing *losing, struct disk_file *file, uint64_t begin, uint64_t end)
{
    uint8_t garbage[DISK_SECTOR];
    for (size_t i = 0; i < sizeof garbage; i += 8) {
        uint64_t word = pawli_draw(&losing->random);
        memcpy(garbage + i, &word, 8);
    }
    pawli_image_write(file, begin, garbage, end - begin);
}

/* Each sector of a write: new, old, or (where wanted) anything. */
static void tear(struct losing *losing, const struct disk_op *op, bool garbage)
{
    struct disk_file *file = &losing->image->files[op->file];
    uint64_t end = op->offset + op->size;
    for (uint64_t at = op->offset; at < end;) {
        uint64_t sector = at / DISK_SECTOR * DISK_SECTOR, next = sector + DISK_SECTOR;
        uint64_t stop = next < end ? next : end, fate = pawli_draw(&losing->random) % 8;
        losing->key = pawli_mix(losing->key, fate);
        if (fate < 4)
            pawli_image_write(file, at, op->bytes + (at - op->offset), stop - at);
        else if (fate == 7 && garbage && losing->powersafe)
            garble(losing, file, at, stop);
        else if (fate == 7 && garbage)
            garble(losing, file, sector, next);
        at = stop;
    }
}

static size_t sectors_of(const struct disk_op *op)
{
    if (op->kind != DISK_WRITE)
        return 1;
    return (size_t)((op->offset + op->size + DISK_SECTOR - 1) / DISK_SECTOR - op->offset / DISK_SECTOR);
}

size_t pawli_walk_cuts(const struct disk_walk *walk)
{
    size_t cuts = 1;
    for (size_t i = 0; i < walk->pending_count; i++)
        cuts += sectors_of(&walk->trace->ops[walk->pending[i].op]);
    return cuts;
}

/* The first sectors of what is pending. */
static void lose_behind(struct losing *losing, size_t cut)
{
    const struct disk_walk *walk = losing->walk;
    for (size_t i = 0; i < walk->pending_count && cut > 0; i++) {
        struct disk_op op = walk->trace->ops[walk->pending[i].op];
        size_t sectors = sectors_of(&op);
        losing->key = pawli_mix(losing->key, walk->pending[i].op + 1);
        if (cut < sectors) {
            losing->key = pawli_mix(losing->key, cut);
            op.size = (size_t)((op.offset / DISK_SECTOR + cut) * DISK_SECTOR - op.offset);
        }
        cut -= cut < sectors ? cut : sectors;
        apply(losing->image, &op);
    }
}

/* Any of what is pending; of creations and deletions a prefix, and nothing of a file whose creation is lost. */
static void lose_some(struct losing *losing, enum disk_loss loss)
{
    const struct disk_walk *walk = losing->walk;
    bool folder_lost = false, gone[DISK_FILES] = {false};
    for (size_t i = 0; i < walk->pending_count; i++) {
        const struct disk_op *op = &walk->trace->ops[walk->pending[i].op];
        bool keep = loss == LOSS_NONE || (loss != LOSS_ALL && pawli_draw(&losing->random) & 1);
        if (is_folder_op(op)) {
            folder_lost |= !keep;
            keep = !folder_lost;
            gone[op->file] |= folder_lost;
        }
        if (gone[op->file])
            continue;
        bool tears = op->kind == DISK_WRITE && (loss == LOSS_TORN || loss == LOSS_GARBAGE);
        if (tears || keep)
            losing->key = pawli_mix(losing->key, walk->pending[i].op + 1);
        if (tears)
            tear(losing, op, loss == LOSS_GARBAGE);
        else if (keep)
            apply(losing->image, op);
    }
}

uint64_t pawli_walk_lose(const struct disk_walk *walk, enum disk_loss loss, bool powersafe, uint64_t seed,
                         struct disk_image *image)
{
    struct losing losing = {walk, image, powersafe, seed, walk->key};
    pawli_image_copy(image, &walk->durable);
    if (loss == LOSS_PREFIX)
        lose_behind(&losing, seed % pawli_walk_cuts(walk));
    else
        lose_some(&losing, loss);
    return loss == LOSS_GARBAGE ? pawli_mix(losing.key, losing.random) : losing.key;
}
