#include "reporter/merge.h"
#include "common/memory.h"
#include "reporter/clean.h"
#include "reporter/duration.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Once the texts take this much, further ones are cut to SHORT_TEXT, so that memory stays bounded. */
#define TEXT_BUDGET ((size_t)32 << 20)
#define SHORT_TEXT  256

struct variant {
    uint64_t identity; /* in its file */
    const char *file;
    int64_t duration_ms;
    char *name; /* NULL: that of the first variant */
    char *message;
    enum result_status status;
    bool flaky;
};

struct entry {
    int id;
    const char *file;
    size_t count;
    struct variant first; /* most ids have one test */
    struct variant *others;
};

/* Where a variant other than the first one of its entry is. */
struct slot {
    struct entry *entry; /* NULL: free */
    size_t index;
};

struct merge {
    bool worst_of_equal;
    struct slot *slots; /* open addressing; a power of two, half of it free */
    size_t slot_count, slots_used;
    struct entry *by_id[IDS_RANGE];
    struct entry **entries; /* in the order in which they came */
    size_t count;
    size_t variants;
    size_t text;
};

struct merge *
merge_new(bool worst_of_equal)
{
    struct merge *merge = memory_new(1, sizeof(*merge));
    merge->worst_of_equal = worst_of_equal;
    return merge;
}

/* Copies a text, cut to `limit` bytes between two characters. */
static char *
keep_text(struct merge *merge, const char *text, size_t limit)
{
    if (!text) {
        return NULL;
    }
    size_t length = strlen(text);
    limit = merge->text > TEXT_BUDGET ? SHORT_TEXT : limit;
    if (length > limit) {
        length = limit;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    merge->text += length + 1;
    return memory_copy_text(text, length);
}

static void
drop_text(struct merge *merge, char *text)
{
    if (text) {
        merge->text -= strlen(text) + 1;
        free(text);
    }
}

static struct entry *
entry_of(struct merge *merge, int id, const char *file)
{
    if (!merge->by_id[id]) {
        if ((merge->count & (merge->count - 1)) == 0) {
            size_t capacity = merge->count ? 2 * merge->count : 1;
            merge->entries = memory_resize(merge->entries, capacity, sizeof(struct entry *));
        }
        struct entry *entry = memory_new(1, sizeof(*entry));
        entry->id = id;
        entry->file = file;
        merge->entries[merge->count++] = merge->by_id[id] = entry;
    }
    return merge->by_id[id];
}

static struct variant *
variant_at(const struct entry *entry, size_t index)
{
    return index == 0 ? (struct variant *)&entry->first : &entry->others[index - 1];
}

/* The slot of a variant, or the free one where it belongs. */
static struct slot *
find_slot(const struct merge *merge, const struct entry *entry, uint64_t identity)
{
    size_t mask = merge->slot_count - 1;
    size_t at = (size_t)(identity ^ ((uint64_t)entry->id * UINT64_C(0x9e3779b97f4a7c15))) & mask;
    while (merge->slots[at].entry && (merge->slots[at].entry != entry ||
                                      variant_at(entry, merge->slots[at].index)->identity != identity)) {
        at = (at + 1) & mask;
    }
    return &merge->slots[at];
}

static struct variant *
find_variant(const struct merge *merge, const struct entry *entry, uint64_t identity)
{
    if (entry->count > 0 && entry->first.identity == identity) {
        return variant_at(entry, 0);
    }
    if (entry->count < 2) {
        return NULL;
    }
    const struct slot *slot = find_slot(merge, entry, identity);
    return slot->entry ? variant_at(entry, slot->index) : NULL;
}

static void
grow_slots(struct merge *merge)
{
    struct slot *old = merge->slots;
    size_t count = merge->slot_count;
    merge->slot_count = count ? 2 * count : 64;
    merge->slots = memory_new(merge->slot_count, sizeof(*merge->slots));
    for (size_t i = 0; i < count; i++) {
        if (old[i].entry) {
            *find_slot(merge, old[i].entry, variant_at(old[i].entry, old[i].index)->identity) = old[i];
        }
    }
    free(old);
}

/* Makes the entry's last variant, whose identity is set, findable. */
static void
index_variant(struct merge *merge, struct entry *entry)
{
    if (entry->count < 2) {
        return;
    }
    if (2 * (merge->slots_used + 1) > merge->slot_count) {
        grow_slots(merge);
    }
    size_t index = entry->count - 1;
    *find_slot(merge, entry, variant_at(entry, index)->identity) = (struct slot){ entry, index };
    merge->slots_used++;
}

static struct variant *
add_variant(struct merge *merge, struct entry *entry)
{
    /* `others` has room for one less than the count; it doubles. */
    if (entry->count > 0 && (entry->count & (entry->count - 1)) == 0) {
        entry->others = memory_resize(entry->others, 2 * entry->count, sizeof(*entry->others));
    }
    struct variant *variant = variant_at(entry, entry->count++);
    *variant = (struct variant){ 0 };
    merge->variants++;
    return variant;
}

static void
set_variant(struct merge *merge, struct variant *variant, const struct result *result, const char *file,
            bool with_name)
{
    drop_text(merge, variant->name);
    drop_text(merge, variant->message);
    *variant = (struct variant){
        .identity = result->identity,
        .file = file,
        .duration_ms = result->duration_ms,
        .name = with_name ? keep_text(merge, result->name, CLEAN_NAME_MAX) : NULL,
        .message = keep_text(merge, result->message, CLEAN_MESSAGE_MAX),
        .status = result->status,
        .flaky = result->flaky,
    };
}

/* An equal test came before. */
static enum merge_outcome
replace_variant(struct merge *merge, struct variant *variant, const struct result *result)
{
    bool is_repaired = variant->status == RESULT_FAIL && result->status == RESULT_PASS;
    bool was_flaky = variant->flaky;
    if (merge->worst_of_equal && !result->attempt && result->status <= variant->status) {
        return MERGE_EQUAL;
    }
    /* A skip says nothing of a test that was executed. */
    if (result->status == RESULT_SKIPPED && variant->status != RESULT_SKIPPED && !result->attempt) {
        return MERGE_EQUAL;
    }
    set_variant(merge, variant, result, variant->file, variant->name != NULL);
    variant->flaky = result->status == RESULT_PASS && (result->flaky || was_flaky || is_repaired);
    if (is_repaired) {
        return result->attempt ? MERGE_FLAKY : MERGE_REPAIRED;
    }
    return MERGE_EQUAL;
}

static enum merge_outcome
add_to(struct merge *merge, struct entry *entry, const struct result *result, const char *file)
{
    struct variant *variant = find_variant(merge, entry, result->identity);
    if (variant) {
        return replace_variant(merge, variant, result);
    }
    if (merge->variants == MERGE_TESTS_MAX) {
        return MERGE_FULL;
    }
    bool with_name = entry->count == 0 || result->status >= RESULT_BLOCKED;
    set_variant(merge, add_variant(merge, entry), result, file, with_name);
    index_variant(merge, entry);
    return MERGE_NEW;
}

/* An equal test in another file is the same result once more, or that of another run. */
static enum merge_outcome
add_from(struct merge *merge, struct entry *entry, const struct result *result, const char *file)
{
    const struct variant *variant = find_variant(merge, entry, result->identity);
    if (!variant || strcmp(variant->file, file) == 0) {
        return add_to(merge, entry, result, file);
    }
    if (variant->status == result->status && variant->duration_ms == result->duration_ms) {
        return MERGE_EQUAL;
    }
    struct result other = *result;
    char digits[32];
    snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)result->identity);
    other.identity = result_identity((const char *[]){ digits, file }, 2);
    return add_to(merge, entry, &other, file);
}

enum merge_outcome
merge_add(struct merge *merge, const struct result *result, const char *file)
{
    enum merge_outcome outcome = MERGE_NEW;
    for (size_t i = 0; i < result->ids.count; i++) {
        enum merge_outcome one = add_from(merge, entry_of(merge, result->ids.list[i], file), result, file);
        outcome = one > outcome ? one : outcome;
    }
    return outcome;
}

size_t
merge_count(const struct merge *merge)
{
    return merge->count;
}

static void
fold(const struct entry *entry, struct merged *ret_merged)
{
    const struct variant *worst = &entry->first;
    *ret_merged = (struct merged){
        .id = entry->id, .file = entry->file, .tests = entry->count, .duration_ms = DURATION_NONE
    };
    for (size_t i = 0; i < entry->count; i++) {
        const struct variant *variant = variant_at(entry, i);
        ret_merged->duration_ms = duration_add(ret_merged->duration_ms, variant->duration_ms);
        ret_merged->flaky = ret_merged->flaky || variant->flaky;
        worst = variant->status > worst->status ? variant : worst;
    }
    ret_merged->status = worst->status;
    ret_merged->flaky = ret_merged->flaky && worst->status == RESULT_PASS;
    ret_merged->name = worst->name ? worst->name : entry->first.name;
    ret_merged->message = worst->message;
}

void
merge_get(const struct merge *merge, size_t index, struct merged *ret_merged)
{
    fold(merge->entries[index], ret_merged);
}

bool
merge_find(const struct merge *merge, int id, struct merged *ret_merged)
{
    if (id < 0 || id >= IDS_RANGE || !merge->by_id[id] || merge->by_id[id]->count == 0) {
        return false;
    }
    fold(merge->by_id[id], ret_merged);
    return true;
}

void
merge_free(struct merge *merge)
{
    if (!merge) {
        return;
    }
    for (size_t i = 0; i < merge->count; i++) {
        struct entry *entry = merge->entries[i];
        for (size_t k = 0; k < entry->count; k++) {
            free(variant_at(entry, k)->name);
            free(variant_at(entry, k)->message);
        }
        free(entry->others);
        free(entry);
    }
    free(merge->slots);
    free(merge->entries);
    free(merge);
}
