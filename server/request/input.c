#include "server/request/input.h"
#include "common/memory.h"
#include "common/password.h"
#include "common/secret.h"
#include "common/text.h"
#include "server/http/query.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARACTERS_MAX 100
#define NOTE_CHARACTERS_MAX 200
#define PARAMETER_BYTES_MAX 512
#define REFUSAL_SIZE        PROBLEM_ERROR_DETAIL_SIZE

/* --- finding a value --- */

int
input_parameter(struct request *request, const char *name, char *ret_value, size_t size)
{
    int found = http_query_parameter(request->head->query, name, ret_value, size);
    if (found < 0) {
        answer_field_error(&request->answer, name, "must be given once and be readable");
        answer_refuse_fields(&request->answer);
    }
    return found;
}

static bool
is_in_body(const struct input *inputs, const char *key)
{
    for (const struct input *input = inputs; input->name; input++) {
        if (!input->in_query && strcmp(input->name, key) == 0) {
            return true;
        }
    }
    return false;
}

static void
refuse_unknown(struct request *request, const struct input *inputs)
{
    const char *key;
    for (size_t i = 0; request->body && json_at(json_root(request->body), i, &key); i++) {
        if (!is_in_body(inputs, key)) {
            answer_field_error(&request->answer, key, "is not a property of this request");
        }
    }
}

static const char *
type_refusal(const struct input *input, char ret_refusal[REFUSAL_SIZE])
{
    if (input->kind == INPUT_WORDS) {
        text_choices_refusal("must be an array of one or more of these, each once: ", input->choices,
                             ret_refusal, REFUSAL_SIZE);
    } else if (input->kind == INPUT_IDS) {
        snprintf(ret_refusal, REFUSAL_SIZE, "must be an array of ids%s%s", input->choices ? ", or " : "",
                 input->choices ? input->choices : "");
    } else if (input->choices) {
        text_choices_refusal("must be ", input->choices, ret_refusal, REFUSAL_SIZE);
    } else if (input->kind == INPUT_INTEGER && input->most) {
        snprintf(ret_refusal, REFUSAL_SIZE, "must be a whole number from %" PRId64 " to %" PRId64,
                 input->least, input->most);
    } else {
        snprintf(ret_refusal, REFUSAL_SIZE, "must be %s",
                 input->kind == INPUT_INTEGER   ? "a whole number"
                 : input->kind == INPUT_BOOLEAN ? "true or false"
                                                : "a string");
    }
    if (input->nullable) {
        size_t length = strlen(ret_refusal);
        snprintf(ret_refusal + length, REFUSAL_SIZE - length, ", or null");
    }
    return ret_refusal;
}

static void
own_text(struct input_value *value, const char *text, size_t length)
{
    value->length = length;
    value->text = value->owned = memory_copy_text(text, length);
}

/* "{7,12}"; false when an element is no id. */
static bool
take_ids(struct input_value *value, const struct json_value *array)
{
    size_t count = json_count(array), length = 0;
    char *text = memory_new(count + 1, TEXT_NUMBER_SIZE + 1);
    text[length++] = '{';
    for (size_t i = 0; i < count; i++) {
        const struct json_value *element = json_at(array, i, NULL);
        if (json_type(element) != JSON_INTEGER || json_integer(element) < 1) {
            free(text);
            return false;
        }
        if (i > 0) {
            text[length++] = ',';
        }
        length += text_number(json_integer(element), text + length);
    }
    text[length++] = '}';
    own_text(value, text, length);
    free(text);
    return true;
}

static bool
is_repeated(const struct json_value *array, size_t index)
{
    const char *word = json_string(json_at(array, index, NULL), NULL);
    for (size_t i = 0; i < index; i++) {
        if (strcmp(json_string(json_at(array, i, NULL), NULL), word) == 0) {
            return true;
        }
    }
    return false;
}

/* "{one,other}"; false when an element is none of the choices, whose characters an array does not quote. */
static bool
take_words(struct input_value *value, const struct json_value *array)
{
    size_t count = json_count(array), length = 0;
    char *text = memory_new(1, strlen(value->input->choices) + 3);
    text[length++] = '{';
    for (size_t i = 0; i < count; i++) {
        const struct json_value *element = json_at(array, i, NULL);
        size_t word_length = 0;
        if (json_type(element) != JSON_STRING ||
            !text_is_choice(json_string(element, &word_length), value->input->choices) ||
            is_repeated(array, i)) {
            free(text);
            return false;
        }
        if (i > 0) {
            text[length++] = ',';
        }
        memcpy(text + length, json_string(element, NULL), word_length);
        length += word_length;
    }
    text[length++] = '}';
    own_text(value, text, length);
    free(text);
    return count > 0;
}

static bool
take_array(struct input_value *value, const struct json_value *array)
{
    return value->input->kind == INPUT_IDS     ? take_ids(value, array)
           : value->input->kind == INPUT_WORDS ? take_words(value, array)
                                               : false;
}

/* Takes the value of a member; false when its JSON type is not that of the input. */
static bool
take_member(struct input_value *value, const struct json_value *member)
{
    enum input_kind kind = value->input->kind;
    char digits[TEXT_NUMBER_SIZE];
    switch (json_type(member)) {
    case JSON_INTEGER:
        value->number = json_integer(member);
        own_text(value, digits, text_number(value->number, digits));
        return kind == INPUT_INTEGER;
    case JSON_BOOLEAN:
        value->text = json_boolean(member) ? "true" : "false";
        value->length = strlen(value->text);
        return kind == INPUT_BOOLEAN;
    case JSON_ARRAY:
        return take_array(value, member);
    case JSON_STRING:
        value->text = json_string(member, &value->length);
        return kind != INPUT_INTEGER && kind != INPUT_BOOLEAN && kind != INPUT_WORDS &&
               (kind != INPUT_IDS || value->input->choices);
    default:
        return false;
    }
}

/* In the body. */
static bool
find_member(struct request *request, struct input_value *value)
{
    const struct json_value *member =
        request->body ? json_member(json_root(request->body), value->input->name) : NULL;
    char refusal[REFUSAL_SIZE];
    value->is_given = member != NULL;
    bool is_null = member && value->input->nullable && json_type(member) == JSON_NULL;
    if (!member || is_null || take_member(value, member)) {
        return true;
    }
    answer_field_error(&request->answer, value->input->name,
                       json_type(member) == JSON_STRING_WITH_NUL ? "must not contain the character U+0000"
                                                                 : type_refusal(value->input, refusal));
    return false;
}

/* In the query string. */
static bool
find_parameter(struct request *request, struct input_value *value)
{
    char text[PARAMETER_BYTES_MAX];
    int found = input_parameter(request, value->input->name, text, sizeof(text));
    value->is_given = found > 0;
    if (found > 0) {
        value->length = strlen(text);
        value->text = value->owned = memory_copy_text(text, value->length);
    }
    return found >= 0;
}

/* --- checking a value --- */

/* A value, and room for a refusal that is made for it. */
struct check {
    struct input_value *value;
    char refusal[REFUSAL_SIZE];
};

/* Returns NULL, or a refusal that says how to correct the value. Some checks also normalize it. */
typedef const char *check_function(struct check *check);

static void
replace_text(struct input_value *value, const char *text, size_t length)
{
    char *copy = memory_copy_text(text, length);
    free(value->owned);
    value->text = value->owned = copy;
    value->length = length;
}

static const char *
check_words(struct input_value *value, size_t limit)
{
    const char *words;
    size_t length;
    const char *refusal = text_name_refusal(value->text, value->length, limit, &words, &length);
    if (!refusal) {
        replace_text(value, words, length);
    }
    return refusal;
}

static const char *
check_name(struct check *check)
{
    return check_words(check->value, NAME_CHARACTERS_MAX);
}

static const char *
check_note(struct check *check)
{
    return check_words(check->value, NOTE_CHARACTERS_MAX);
}

static const char *
check_link(struct check *check)
{
    return text_link_refusal(check->value->text, check->value->length);
}

static const char *
check_email(struct check *check)
{
    return text_email_refusal(check->value->text, check->value->length);
}

static const char *
check_text(struct check *check)
{
    (void)check;
    return NULL;
}

static const char *
check_line(struct check *check)
{
    const char *text = check->value->text;
    size_t length = check->value->length;
    text_trim(&text, &length);
    replace_text(check->value, text, length);
    return NULL;
}

static const char *
check_password(struct check *check)
{
    char password[PASSWORD_SIZE];
    size_t length = password_normalize(check->value->text, check->value->length, password);
    if (length > 0) {
        replace_text(check->value, password, length);
    }
    secret_wipe(password, length);
    return NULL;
}

static const char *
check_choice(struct check *check)
{
    const struct input *input = check->value->input;
    return !input->choices || text_is_choice(check->value->text, input->choices)
               ? NULL
               : type_refusal(input, check->refusal);
}

static const char *
check_integer(struct check *check)
{
    struct input_value *value = check->value;
    if (value->input->in_query && !text_to_id(value->text, value->length, &value->number)) {
        return type_refusal(value->input, check->refusal);
    }
    if (value->input->most && (value->number < value->input->least || value->number > value->input->most)) {
        return type_refusal(value->input, check->refusal);
    }
    return check_choice(check);
}

/* An array was checked when its text was made; a word may stand in its place. */
static const char *
check_ids(struct check *check)
{
    return check->value->owned ? NULL : check_choice(check);
}

static const char *
check_boolean(struct check *check)
{
    return text_is_choice(check->value->text, "true|false")
               ? NULL
               : type_refusal(check->value->input, check->refusal);
}

static const char *
check_time(struct check *check)
{
    return text_is_time(check->value->text) ? NULL : "must be a time such as 2030-01-31T09:00:00Z";
}

static const char *
check_action(struct check *check)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    const char *text = check->value->text;
    size_t resource = strspn(text, letters),
           event = text[resource] == '.' ? strspn(text + resource + 1, letters) : 0;
    bool fits = resource > 0 && event > 0 && resource + 1 + event == check->value->length;
    return fits ? NULL : "must be an action such as api_key.revoked";
}

static const char *
check_project(struct check *check)
{
    struct input_value *value = check->value;
    bool fits = text_to_numbered(value->text, value->length, TEXT_PROJECT_PREFIX, &value->number);
    return fits ? NULL : "must be a project's id such as PRJ-1";
}

static check_function *const checks[] = {
    [INPUT_NAME] = check_name,       [INPUT_EMAIL] = check_email,     [INPUT_TEXT] = check_text,
    [INPUT_CHOICE] = check_choice,   [INPUT_INTEGER] = check_integer, [INPUT_TIME] = check_time,
    [INPUT_PROJECT] = check_project, [INPUT_LINE] = check_line,       [INPUT_PASSWORD] = check_password,
    [INPUT_NOTE] = check_note,       [INPUT_LINK] = check_link,       [INPUT_BOOLEAN] = check_boolean,
    [INPUT_IDS] = check_ids,         [INPUT_WORDS] = check_text,      [INPUT_ACTION] = check_action,
};

/* Finds the value and checks it; false when it is refused. */
static bool
find_valid(struct request *request, struct input_value *value)
{
    const struct input *input = value->input;
    struct check check = { .value = value };
    if (!(input->in_query ? find_parameter(request, value) : find_member(request, value))) {
        return false;
    }
    const char *error = value->text                           ? checks[input->kind](&check)
                        : input->required && !value->is_given ? "is required"
                                                              : NULL;
    if (error) {
        answer_field_error(&request->answer, input->name, error);
    }
    return !error;
}

/* A refused input counts as absent, so that a handler can check the others and refuse them, too. */
static void
read_one(struct request *request, struct input_value *value)
{
    const char *fallback = value->input->fallback;
    if (!find_valid(request, value)) {
        value->text = NULL;
        value->is_given = false;
    }
    if (!value->is_given && fallback) {
        value->text = fallback;
        value->length = strlen(fallback);
        text_to_id(fallback, value->length, &value->number);
    }
}

bool
input_read(struct request *request, const struct input *inputs)
{
    input_values_free(request->inputs);
    request->inputs = memory_new(1, sizeof(*request->inputs));
    refuse_unknown(request, inputs);
    for (const struct input *input = inputs; input->name && request->inputs->count < INPUT_VALUES_MAX;
         input++) {
        struct input_value *value = &request->inputs->items[request->inputs->count++];
        value->input = input;
        read_one(request, value);
    }
    if (answer_has_errors(&request->answer)) {
        answer_refuse_fields(&request->answer);
        return false;
    }
    return true;
}

/* --- values for handlers --- */

static const struct input_value *
find(const struct request *request, const char *name)
{
    for (size_t i = 0; request->inputs && i < request->inputs->count; i++) {
        if (strcmp(request->inputs->items[i].input->name, name) == 0) {
            return &request->inputs->items[i];
        }
    }
    return NULL;
}

const char *
input_text(const struct request *request, const char *name)
{
    return find(request, name)->text;
}

size_t
input_length(const struct request *request, const char *name)
{
    return find(request, name)->length;
}

int64_t
input_integer(const struct request *request, const char *name)
{
    return find(request, name)->number;
}

bool
input_gives(const struct input *input, const char *name)
{
    size_t length = strlen(input->name);
    return strncmp(input->name, name, length) == 0 &&
           (!name[length] || (input->nullable && strcmp(name + length, "_given") == 0));
}

bool
input_value(const struct request *request, const char *name, struct db_value *ret_value)
{
    for (size_t i = 0; request->inputs && i < request->inputs->count; i++) {
        const struct input_value *value = &request->inputs->items[i];
        if (!input_gives(value->input, name)) {
            continue;
        }
        bool is_number = value->input->kind == INPUT_INTEGER || value->input->kind == INPUT_PROJECT;
        if (strcmp(value->input->name, name) != 0) {
            *ret_value = DB_TEXT(value->is_given ? "true" : "false");
        } else {
            *ret_value = value->text && is_number ? DB_INT64(value->number) : DB_TEXT(value->text);
        }
        return true;
    }
    return false;
}
