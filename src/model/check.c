/* SPDX-License-Identifier: MIT */
#include "model/check.h"

#include "base/codec.h"
#include "base/json.h"
#include "model/limits.h"

int pawli_check_pointers(pawl_error *err, const char *names, const void *const *pointers, size_t count)
{
    size_t missing = 0;
    while (missing < count && pointers[missing])
        missing++;
    if (missing == count)
        return PAWL_OK;
    for (size_t i = 0; i < missing; i++)
        names += strcspn(names, ",") + 2; /* as the preprocessor spells them: "store, id" */
    int size = (int)strcspn(names, ",");
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%.*s is NULL", size, names),
                      "give %.*s; what may be NULL is said where the call is declared", size, names);
}

int pawli_check_call(pawl_error *err, const char *name, bool is_given)
{
    return pawli_check_pointers(err, name, (const void *const[]){is_given ? name : NULL}, 1);
}

int pawli_check_bytes(const char *field, const void *data, size_t size, pawl_error *err)
{
    if (data || size == 0)
        return PAWL_OK;
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is NULL, with a size of %zu", field, size),
                      "give as many, or a size of 0");
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

/* Unicode's White_Space, of good UTF-8. */
static bool is_white(uint32_t code)
{
    return code == ' ' || (code >= '\t' && code <= '\r') || code == 0x85 || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
           code == 0x3000;
}

static bool is_blank(struct text text)
{
    uint32_t code;
    if (text.size && text.data[0] > ' ' && text.data[0] < 0x7F)
        return false; /* most are told by their first character */
    for (size_t i = 0, size; i < text.size; i += size) {
        size = pawli_utf8_read((struct text){text.data + i, text.size - i}, &code);
        if (size == 0 || !is_white(code))
            return false;
    }
    return true;
}

/* Unicode's control characters (Cc), of good UTF-8. */
static bool has_control(struct text text)
{
    uint32_t code;
    for (size_t i = 0, size; i < text.size; i += size) {
        size = pawli_utf8_read((struct text){text.data + i, text.size - i}, &code);
        if (size == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0))
            return true;
    }
    return false;
}

/* more: the characters that it may have besides those of all names. */
static int check_characters(const char *field, struct text name, const char *more, size_t limit, pawl_error *err)
{
    if (!name.data || is_blank(name))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is missing or blank", field), "give a %s", field);
    if (name.size > limit)
        return pawli_hint(
            err, pawli_fail(err, PAWL_EINVAL, "%s is %zu bytes long, the limit is %zu", field, name.size, limit),
            "choose a shorter %s", field);
    for (size_t i = 0; i < name.size; i++)
        if (!is_name_character(name.data[i]) && !(name.data[i] && strchr(more, name.data[i])))
            return pawli_hint(err,
                              pawli_fail(err, PAWL_EINVAL, "%s \"%.*s\" has a character that names may not have", field,
                                         TEXT_ARG(name)),
                              "use 1 to %zu of A-Z a-z 0-9 . _ -%s%s", limit, *more ? " " : "", more);
    return PAWL_OK;
}

int pawli_check_name_or_reserved(const char *field, struct text name, pawl_error *err)
{
    return check_characters(field, name, "", LIMIT_NAME, err);
}

static int refuse_reserved(const char *field, struct text name, pawl_error *err)
{
    if (name.size >= 5 && memcmp(name.data, "pawl.", 5) == 0)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s \"%.*s\" is reserved", field, TEXT_ARG(name)),
                          "names that begin with \"pawl.\" belong to pawl itself");
    return PAWL_OK;
}

int pawli_check_name(const char *field, struct text name, pawl_error *err)
{
    int status = check_characters(field, name, "", LIMIT_NAME, err);
    return status < 0 ? status : refuse_reserved(field, name, err);
}

int pawli_check_own_scope(struct text scope, pawl_error *err)
{
    return refuse_reserved("scope", scope, err);
}

int pawli_check_topic(const char *field, struct text topic, pawl_error *err)
{
    int status = check_characters(field, topic, "/", LIMIT_NAME, err);
    return status < 0 ? status : refuse_reserved(field, topic, err);
}

int pawli_check_account(const char *field, struct text account, pawl_error *err)
{
    int status = check_characters(field, account, ":/", LIMIT_NAME, err);
    return status < 0 ? status : refuse_reserved(field, account, err);
}

int pawli_check_workflow_id(const char *field, struct text id, pawl_error *err)
{
    return check_characters(field, id, ":", LIMIT_WORKFLOW_ID, err);
}

static bool is_plain(char c)
{
    return is_name_character(c) && !strchr("._-", c);
}

int pawli_check_lock_name(const char *field, struct text name, pawl_error *err)
{
    int status = pawli_check_workflow_id(field, name, err);
    if (status < 0 || (is_plain(name.data[0]) && is_plain(name.data[name.size - 1])))
        return status;
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EINVAL, "%s \"%.*s\" does not begin and end with a letter or a digit", field,
                                 TEXT_ARG(name)),
                      "use A-Z a-z 0-9 for its first and last, and besides these . _ - : in between");
}

int pawli_check_holder(const char *field, struct text holder, pawl_error *err)
{
    const char *slash = holder.data ? memchr(holder.data, '/', holder.size) : NULL;
    if (!slash)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is no workflow", field), "write KIND/ID");
    size_t size = (size_t)(slash - holder.data);
    int status = pawli_check_name(field, (struct text){holder.data, size}, err);
    return status < 0 ? status : pawli_check_workflow_id(field, (struct text){slash + 1, holder.size - size - 1}, err);
}

int pawli_check_key(const char *field, struct text key, pawl_error *err)
{
    if (!key.data)
        return PAWL_OK;
    if (is_blank(key))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is blank", field), "leave %s out, or give one", field);
    if (key.size > LIMIT_KEY)
        return pawli_hint(
            err, pawli_fail(err, PAWL_EINVAL, "%s is %zu bytes long, the limit is %d", field, key.size, LIMIT_KEY),
            "use a shorter %s, such as a hash of the long one", field);
    if (!pawli_utf8_valid(key))
        return pawli_fail(err, PAWL_EINVAL, "%s is not UTF-8", field);
    if (has_control(key))
        return pawli_fail(err, PAWL_EINVAL, "%s has a control character", field);
    return PAWL_OK;
}

int pawli_check_text(const char *field, struct text text, size_t limit, pawl_error *err)
{
    if (!text.data)
        return PAWL_OK;
    if (text.size > limit)
        return pawli_fail(err, PAWL_EINVAL, "%s is %zu bytes long, the limit is %zu", field, text.size, limit);
    if (!pawli_utf8_valid(text) || memchr(text.data, '\0', text.size))
        return pawli_fail(err, PAWL_EINVAL, "%s is not UTF-8 text", field);
    return PAWL_OK;
}

int pawli_check_body(const char *field, struct text body, pawl_error *err)
{
    if (body.size > LIMIT_BODY)
        return pawli_hint(
            err, pawli_fail(err, PAWL_ELIMIT, "%s is %zu bytes long, the limit is %d", field, body.size, LIMIT_BODY),
            "store large data elsewhere and put a reference to it here");
    return PAWL_OK;
}

int pawli_check_content_type(struct text content_type, pawl_error *err)
{
    if (!content_type.data)
        return PAWL_OK;
    bool good = content_type.size > 0 && content_type.size <= LIMIT_CONTENT_TYPE && !is_blank(content_type);
    for (size_t i = 0; good && i < content_type.size; i++)
        good = content_type.data[i] >= 0x20 && content_type.data[i] < 0x7F;
    if (!good)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "content_type is not a media type"),
                          "use 1 to %d printable ASCII characters, such as application/json", LIMIT_CONTENT_TYPE);
    return PAWL_OK;
}

/* What the sinks set themselves: a message may not speak in their name. */
static bool is_own_header(struct text name)
{
    static const char *const own[] = {"host",
                                      "content-length",
                                      "content-type",
                                      "transfer-encoding",
                                      "connection",
                                      "keep-alive",
                                      "upgrade",
                                      "te",
                                      "trailer",
                                      "expect",
                                      "webhook-id",
                                      "webhook-timestamp",
                                      "webhook-signature",
                                      "pawl-attempt",
                                      "pawl-phase",
                                      "pawl-remote-id",
                                      "pawl-sender",
                                      "pawl-deadline",
                                      "pawl-key",
                                      "pawl-original-id"};
    for (size_t i = 0; i < COUNT_OF(own); i++)
        if (text_is(name, own[i]))
            return true;
    return false;
}

int pawli_check_header(struct text name, struct text value, pawl_error *err)
{
    bool good = name.size > 0;
    for (size_t i = 0; good && i < name.size; i++) {
        char c = name.data[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
    }
    if (!good)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "headers has the name \"%.*s\", which no header may have",
                                     name.size > 64 ? 64 : (int)name.size, name.data),
                          "write header names in lower case, without blanks");
    if (is_own_header(name))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "headers may not set \"%.*s\"", TEXT_ARG(name)),
                          "the sink sets it; use content_type for the content type");
    if (name.size + value.size > LIMIT_HEADER)
        return pawli_fail(err, PAWL_ELIMIT, "headers: \"%.*s\" has %zu bytes, the limit is %d",
                          name.size > 64 ? 64 : (int)name.size, name.data, name.size + value.size, LIMIT_HEADER);
    for (size_t i = 0; i < value.size; i++)
        if (((unsigned char)value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7F)
            return pawli_fail(err, PAWL_EINVAL, "headers: the value of \"%.*s\" has a control character",
                              TEXT_ARG(name));
    if (!pawli_utf8_valid(value))
        return pawli_fail(err, PAWL_EINVAL, "headers: the value of \"%.*s\" is not UTF-8", TEXT_ARG(name));
    return PAWL_OK;
}

int pawli_check_range(const char *field, int64_t value, int64_t min, int64_t max, pawl_error *err)
{
    if (value < min || value > max)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is %lld, outside its range", field, (long long)value),
                          "use %lld to %lld", (long long)min, (long long)max);
    return PAWL_OK;
}

int pawli_check_reason(struct text reason, pawl_error *err)
{
    if (!reason.data || is_blank(reason))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "reason is missing or blank"),
                          "give a reason: why it is done, for those who read the journal later");
    return pawli_check_text("reason", reason, LIMIT_REASON, err);
}

struct text pawli_content_type_of(struct text body)
{
    switch (pawli_json_check(body, NULL, NULL)) {
    case JSON_GOOD:
        return TEXT("application/json");
    case JSON_BAD:
        return TEXT("application/octet-stream");
    case JSON_NO_MEMORY:
        break;
    }
    return (struct text){0};
}
