/* SPDX-License-Identifier: MIT */
/* An exchange of one market, BTC for USD: limit orders, matched by price, then by time. Every command is one transition, with
 * the posts that reserve and settle, a fill for each trade, and a digest of the book behind it. Killed anywhere it goes on from
 * the newest snapshot and the journal.
 *   exchange run SEED COUNT     gives the first COUNT commands of a seed to it, as far as they were not given before
 *   exchange book               prints the book, made again from the first record
 */
#include <pawl/pawl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRADERS        5
#define ORDERS_MAX     1000
#define FILLS_MAX      ORDERS_MAX
#define SNAPSHOT_EVERY 50 /* records */

static pawl_store *store;
static pawl_error err;

static int need(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s. %s\n", err.text, err.hint);
        exit(pawl_status_exit(status));
    }
    return status;
}

/* ---- the book: all of the program's state. What accounts hold is the ledger's. ---- */

enum side { BUY, SELL };

struct order {
    long id, trader, price, size;
    enum side side;
};

struct book {
    long command;                    /* the last one that changed it */
    struct order orders[ORDERS_MAX]; /* in the order of time */
    int count;
};

/* As text: what a snapshot keeps, and what the digest is of. */
static size_t write_book(const struct book *book, char *text, size_t room)
{
    size_t size = (size_t)snprintf(text, room, "%ld\n", book->command);
    for (int i = 0; i < book->count; i++) {
        const struct order *o = &book->orders[i];
        size += (size_t)snprintf(text + size, room - size, "%ld %ld %s %ld %ld\n", o->id, o->trader,
                                 o->side == BUY ? "buy" : "sell", o->price, o->size);
    }
    return size;
}

static void read_book(struct book *book, const char *text)
{
    char side[8];
    int used = 0;
    *book = (struct book){0};
    sscanf(text, "%ld\n%n", &book->command, &used);
    for (text += used; book->count < ORDERS_MAX; text += used) {
        struct order *o = &book->orders[book->count];
        if (sscanf(text, "%ld %ld %7s %ld %ld\n%n", &o->id, &o->trader, side, &o->price, &o->size, &used) != 5)
            break;
        o->side = side[0] == 'b' ? BUY : SELL;
        book->count++;
    }
}

#define BOOK_TEXT (ORDERS_MAX * 64)

/* FNV-1a: any digest will do that tells one state from another. */
static uint64_t digest_of(const struct book *book)
{
    static char text[BOOK_TEXT];
    uint64_t digest = 14695981039346656037u;
    size_t size = write_book(book, text, sizeof text);
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ (unsigned char)text[i]) * 1099511628211u;
    return digest;
}

static void remove_order(struct book *book, int at)
{
    book->count--;
    memmove(&book->orders[at], &book->orders[at + 1], (size_t)(book->count - at) * sizeof *book->orders);
}

/* ---- a command, and what it comes to: decided on the book, which it does not change yet ---- */

enum what { DEPOSIT, PLACE, CANCEL };

struct command {
    long number;
    enum what what;
    struct order order; /* of DEPOSIT trader, side (BUY: of USD) and size; of CANCEL the id */
};

struct fill {
    struct order maker;
    long size;
};

struct outcome {
    struct fill fills[FILLS_MAX];
    int fill_count;
    long rest;         /* of the order, that stays in the book */
    struct order gone; /* that was cancelled; id 0: none */
};

static int best_against(const struct book *book, const struct order *taker, const long *left)
{
    int best = -1;
    for (int i = 0; i < book->count; i++) {
        const struct order *o = &book->orders[i];
        if (o->side == taker->side || left[i] == 0)
            continue;
        if (taker->side == BUY ? o->price > taker->price : o->price < taker->price)
            continue;
        if (best < 0 ||
            (taker->side == BUY ? o->price < book->orders[best].price : o->price > book->orders[best].price))
            best = i; /* of one price the first */
    }
    return best;
}

static void decide(const struct book *book, const struct command *command, struct outcome *outcome)
{
    static long left[ORDERS_MAX];
    *outcome = (struct outcome){.rest = command->what == PLACE ? command->order.size : 0};
    for (int i = 0; i < book->count; i++) {
        left[i] = book->orders[i].size;
        if (command->what == CANCEL && book->orders[i].id == command->order.id)
            outcome->gone = book->orders[i];
    }
    for (int at; outcome->rest > 0 && (at = best_against(book, &command->order, left)) >= 0;) {
        long size = outcome->rest < left[at] ? outcome->rest : left[at];
        outcome->fills[outcome->fill_count++] = (struct fill){book->orders[at], size};
        left[at] -= size;
        outcome->rest -= size;
    }
}

static void apply(struct book *book, const struct command *command, const struct outcome *outcome)
{
    book->command = command->number;
    for (int f = 0; f < outcome->fill_count; f++)
        for (int i = 0; i < book->count; i++)
            if (book->orders[i].id == outcome->fills[f].maker.id)
                book->orders[i].size -= outcome->fills[f].size;
    for (int i = book->count - 1; i >= 0; i--)
        if (book->orders[i].size == 0 || book->orders[i].id == outcome->gone.id)
            remove_order(book, i);
    if (outcome->rest > 0) {
        book->orders[book->count] = command->order;
        book->orders[book->count++].size = outcome->rest;
    }
}

/* ---- the transition of a command ---- */

static const char *asset_of(enum side side) /* what an order of this side is paid with */
{
    return side == BUY ? "USD" : "BTC";
}

/* An account of a trader: "cash" is free, "held" is reserved for orders. cash never goes below 0: that refuses the command. */
static void post(pawl_transition *t, const char *kind, long trader, const char *asset, long amount)
{
    char account[40], delta[24];
    snprintf(account, sizeof account, "%s:%ld", kind, trader);
    snprintf(delta, sizeof delta, "%ld", amount);
    if (amount != 0)
        pawl_transition_post(t, &(pawl_post){PAWL_POST, .account = account, .asset = asset, .delta = delta,
                                             .floor = trader ? "0" : NULL});
}

static void move(pawl_transition *t, const char *from, long payer, const char *to, long payee, const char *asset,
                 long amount)
{
    post(t, from, payer, asset, -amount);
    post(t, to, payee, asset, amount);
}

static void tell(pawl_transition *t, const char *type, long order, const char *data)
{
    char key[24];
    snprintf(key, sizeof key, "%ld", order);
    pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "orders", .type = type, .key = key, .data = data,
                                           .data_size = strlen(data)});
}

/* The buyer had reserved so much of each: what the trade is cheaper goes back. */
static void settle(pawl_transition *t, const struct command *command, const struct fill *fill, uint32_t event)
{
    const struct order *taker = &command->order, *maker = &fill->maker;
    const struct order *buyer = taker->side == BUY ? taker : maker, *seller = taker->side == BUY ? maker : taker;
    char trade[60], price[24], size[24], bought[40], sold[40], data[120];
    snprintf(trade, sizeof trade, "%ld-%ld", taker->id, maker->id);
    snprintf(price, sizeof price, "%ld", maker->price);
    snprintf(size, sizeof size, "%ld", fill->size);
    snprintf(bought, sizeof bought, "cash:%ld", buyer->trader);
    snprintf(sold, sizeof sold, "cash:%ld", seller->trader);
    snprintf(data, sizeof data, "{\"maker\":%ld,\"price\":%s,\"size\":%s}", maker->id, price, size);
    tell(t, "OrderFilled", taker->id, data);
    pawl_transition_fill(t, &(pawl_fill){PAWL_FILL, .event = event, .trade_id = trade, .market = "BTC-USD",
                                         .buyer = bought, .seller = sold, .price = price, .size = size});
    move(t, "held", buyer->trader, "cash", seller->trader, "USD", maker->price * fill->size);
    move(t, "held", buyer->trader, "cash", buyer->trader, "USD", (buyer->price - maker->price) * fill->size);
    move(t, "held", seller->trader, "cash", buyer->trader, "BTC", fill->size);
}

static void build(pawl_transition *t, const struct command *command, const struct outcome *outcome)
{
    const struct order *o = &command->order, *gone = &outcome->gone;
    if (command->what == DEPOSIT)
        move(t, "bank", 0, "cash", o->trader, asset_of(o->side), o->size);
    if (command->what == PLACE)
        move(t, "cash", o->trader, "held", o->trader, asset_of(o->side), o->side == BUY ? o->price * o->size : o->size);
    for (int i = 0; i < outcome->fill_count; i++)
        settle(t, command, &outcome->fills[i], (uint32_t)i);
    if (outcome->rest > 0)
        tell(t, "Placed", o->id, "{}");
    if (gone->id) {
        tell(t, "Cancelled", gone->id, "{}");
        move(t, "held", gone->trader, "cash", gone->trader, asset_of(gone->side),
             gone->side == BUY ? gone->price * gone->size : gone->size);
    }
    pawl_transition_balanced(t);
    pawl_transition_counter(t, "command", (uint64_t)command->number);
}

static const char *const names[] = {"deposit", "place", "cancel"};

/* False: it is refused, and nothing happened. */
static bool submit(struct book *book, const struct command *command)
{
    static struct outcome outcome;
    static struct book after;
    const struct order *o = &command->order;
    char data[200];
    uint64_t pre = digest_of(book), post;
    decide(book, command, &outcome);
    after = *book;
    apply(&after, command, &outcome);
    post = digest_of(&after);
    int size = snprintf(
        data, sizeof data,
        "{\"n\":%ld,\"do\":\"%s\",\"id\":%ld,\"trader\":%ld,\"side\":\"%s\",\"price\":%ld,\"size\":%ld}",
        command->number, names[command->what], o->id, o->trader, o->side == BUY ? "buy" : "sell", o->price, o->size);
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = names[command->what],
                                          .request_id = pawl_request_id_from(data, (size_t)size), .state_pre = &pre,
                                          .state_post = &post, .state_pre_size = 8, .state_post_size = 8});
    pawl_transition_command(t, data, (size_t)size);
    build(t, command, &outcome);
    int status = pawl_transition_commit(t, NULL, &err);
    pawl_transition_free(t);
    if (status == PAWL_EREFUSED) /* it would take more than there is */
        return false;
    need(status);
    *book = after;
    return true;
}

/* ---- going on: the newest snapshot, and what the journal has behind it ---- */

struct restoring {
    struct book *book;
    char text[BOOK_TEXT];
    size_t size;
    uint64_t digest;
};

static int restore(void *data, const void *bytes, size_t size, pawl_error *error)
{
    struct restoring *r = data;
    if (r->size + size >= sizeof r->text) {
        *error = (pawl_error){.status = PAWL_ELIMIT, .text = "the snapshot is none of ours"};
        return PAWL_ELIMIT;
    }
    memcpy(r->text + r->size, bytes, size);
    r->size += size;
    if (size == 0)
        read_book(r->book, r->text);
    return PAWL_OK;
}

static int replay(void *data, const pawl_record *record, pawl_applied *applied, pawl_error *error)
{
    struct restoring *r = data;
    static struct outcome outcome;
    struct command command = {0};
    char text[200] = "", what[16], side[8];
    struct order *o = &command.order;
    memcpy(text, record->data, record->data_size < sizeof text ? record->data_size : sizeof text - 1);
    if (sscanf(
            text,
            "{\"n\":%ld,\"do\":\"%15[a-z]\",\"id\":%ld,\"trader\":%ld,\"side\":\"%7[a-z]\",\"price\":%ld,\"size\":%ld}",
            &command.number, what, &o->id, &o->trader, side, &o->price, &o->size) != 7) {
        *error = (pawl_error){.status = PAWL_ECORRUPT, .text = "a command is none of ours"};
        return PAWL_ECORRUPT;
    }
    o->side = side[0] == 'b' ? BUY : SELL;
    while (strcmp(names[command.what], what) != 0)
        command.what++;
    decide(r->book, &command, &outcome);
    apply(r->book, &command, &outcome);
    r->digest = digest_of(r->book);
    applied->state_post = &r->digest;
    applied->state_post_size = sizeof r->digest;
    return PAWL_OK;
}

/* Says how many records it applied. */
static uint64_t go_on(struct book *book, bool from_snapshot)
{
    static struct restoring r;
    pawl_replayed replayed = {PAWL_REPLAYED};
    pawl_replay_options options = {PAWL_REPLAY_OPTIONS, .apply = replay, .data = &r};
    pawl_snapshots *snapshots;
    r.book = book;
    need(pawl_snapshots_list(store, &snapshots, &err));
    if (from_snapshot && pawl_snapshots_count(snapshots) > 0)
        options.restore = restore;
    pawl_snapshots_free(snapshots);
    need(pawl_replay(store, &options, &replayed, &err));
    if (!replayed.ok) {
        fprintf(stderr, "record %llu: the book is another than it was\n", (unsigned long long)replayed.diff_seq);
        exit(8);
    }
    return replayed.records;
}

static void keep_snapshot(const struct book *book, uint64_t seq)
{
    static char text[BOOK_TEXT];
    pawl_snapshot *s = pawl_snapshot_new(store, &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = seq, .keep = 2});
    pawl_snapshot_write(s, text, write_book(book, text, sizeof text));
    need(pawl_snapshot_commit(s, &err));
    pawl_snapshot_free(s);
}

/* ---- commands of a seed ---- */

static uint64_t draw(uint64_t seed, long number, unsigned what) /* SplitMix64 */
{
    uint64_t z = seed + ((uint64_t)number * 16 + what + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* The same for the same seed and number, whatever happened: so nobody has to remember what was sent. */
static struct command make_command(uint64_t seed, long number)
{
    uint64_t dice = draw(seed, number, 0) % 10;
    struct command c = {.number = number,
                        .what = number <= 2 * TRADERS || dice == 0 ? DEPOSIT
                                : dice < 8                         ? PLACE
                                                                   : CANCEL};
    c.order = (struct order){.id = number,
                             .trader = 1 + (long)(draw(seed, number, 1) % TRADERS),
                             .price = 90 + (long)(draw(seed, number, 2) % 21),
                             .size = 1 + (long)(draw(seed, number, 3) % 9),
                             .side = draw(seed, number, 4) % 2 ? BUY : SELL};
    if (c.what == DEPOSIT) {
        c.order.trader = number <= 2 * TRADERS ? 1 + (number - 1) / 2 : c.order.trader;
        c.order.side = number % 2 ? BUY : SELL;
        c.order.size *= c.order.side == BUY ? 250 : 2;
    }
    if (c.what == CANCEL)
        c.order.id = number - 1 - (long)(draw(seed, number, 5) % 40);
    return c;
}

static void run(uint64_t seed, long count)
{
    static struct book book;
    pawl_records *last;
    uint64_t seq = 0;
    long refused = 0;
    need(pawl_type_preset(store, "s3", NULL, &err)); /* OrderFilled needs a fill */
    uint64_t replayed = go_on(&book, true);
    need(pawl_records_list(store, &(pawl_records_query){PAWL_RECORDS_QUERY, .newest_first = 1, .limit = 1}, &last,
                           &err));
    if (pawl_records_count(last))
        seq = pawl_records_get(last, 0)->seq;
    pawl_records_free(last);
    fprintf(stderr, "going on behind command %ld, %llu records were replayed\n", book.command,
            (unsigned long long)replayed);
    for (long number = book.command + 1; number <= count; number++) {
        struct command command = make_command(seed, number);
        if (book.count == ORDERS_MAX || !submit(&book, &command)) {
            refused++;
            continue;
        }
        if (++seq % SNAPSHOT_EVERY == 0)
            keep_snapshot(&book, seq);
        printf("%ld\n", number);
        fflush(stdout);
    }
    fprintf(stderr, "%ld refused\n", refused);
}

static void print_book(void)
{
    static struct book book;
    static char text[BOOK_TEXT];
    go_on(&book, false);
    fwrite(text, 1, write_book(&book, text, sizeof text), stdout);
}

int main(int count, char **words)
{
    const char *url = getenv("PAWL_STORE");
    bool runs = count == 4 && strcmp(words[1], "run") == 0;
    if (!runs && !(count == 2 && strcmp(words[1], "book") == 0)) {
        fprintf(stderr, "usage: exchange run SEED COUNT, or exchange book\n");
        return 2;
    }
    need(pawl_store_open(url ? url : "sqlite:exchange.db", NULL, &store, &err));
    if (runs)
        run(strtoull(words[2], NULL, 10), strtol(words[3], NULL, 10));
    else
        print_book();
    pawl_store_close(store);
    return 0;
}
