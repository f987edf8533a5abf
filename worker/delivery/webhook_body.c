#include "worker/delivery/webhook_body.h"
#include "common/json.h"
#include "common/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Slack shows 10 fields of 2000 characters (Block Kit, section); Discord 25 fields of 1024, 6000 in all
 * (embed limits); Teams takes 28 KB, Google Chat 32 KB. Escaping makes a character up to 6 bytes long. */
#define FACTS_MAX            8
#define VALUE_CHARACTERS_MAX 300
#define ESCAPED_MAX          6 /* bytes for a byte: "&quot;" */
#define LINK_SIZE            512
#define LINK_LABEL           "Open TestKase"

struct fact {
    const char *label;
    char *value; /* cleaned */
};

struct message {
    const char *title;
    char link[LINK_SIZE];
    struct fact facts[FACTS_MAX];
    size_t count;
};

/* --- values --- */

/* The length of a character that begins with this byte; the text is UTF-8. */
static size_t
character_length(const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return strnlen(text, length);
}

/* Whether a character could end the line, or turn its direction: C0, DEL, C1, U+061C, U+200E and U+200F,
 * U+2028 to U+202E, U+2066 to U+2069. */
static bool
is_control(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (length == 1) {
        return bytes[0] < ' ' || bytes[0] == 0x7F;
    }
    if (length == 2) {
        return (bytes[0] == 0xC2 && bytes[1] < 0xA0) || (bytes[0] == 0xD8 && bytes[1] == 0x9C);
    }
    return length == 3 && bytes[0] == 0xE2 &&
           ((bytes[1] == 0x80 && ((bytes[2] >= 0xA8 && bytes[2] <= 0xAE) || (bytes[2] | 1) == 0x8F)) ||
            (bytes[1] == 0x81 && bytes[2] >= 0xA6 && bytes[2] <= 0xA9));
}

/* One line that is not empty, of at most 300 characters. */
static char *
clean(const char *text)
{
    char *value = memory_new(1, strlen(text) + sizeof("…"));
    size_t at = 0, count = 0;
    for (size_t length; *text; text += length) {
        length = character_length(text);
        if (++count > VALUE_CHARACTERS_MAX) {
            memcpy(value + at, "…", sizeof("…"));
            return value;
        }
        if (is_control(text, length)) {
            value[at++] = ' ';
        } else {
            memcpy(value + at, text, length);
            at += length;
        }
    }
    value[at] = '\0';
    if (strspn(value, " ") == at) {
        memcpy(value, "-", 2);
    }
    return value;
}

/* `escape` writes at most ESCAPED_MAX bytes for one byte, perhaps with a NUL behind, and returns how many. */
static char *
escaped(const char *text, size_t (*escape)(char byte, char *ret_bytes))
{
    char *result = memory_new(1, ESCAPED_MAX * strlen(text) + 1);
    size_t at = 0;
    for (; *text; text++) {
        at += escape(*text, result + at);
    }
    result[at] = '\0';
    return result;
}

/* A backslash before any punctuation, which Discord's Markdown shows without it: no mention, link, emoji or
 * format begins then. */
static size_t
escape_markdown(char byte, char *ret_bytes)
{
    size_t at = 0;
    if (strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", byte)) {
        ret_bytes[at++] = '\\';
    }
    ret_bytes[at++] = byte;
    return at;
}

/* The text of Google Chat's cards is a subset of HTML. */
static size_t
escape_html(char byte, char *ret_bytes)
{
    const char *entity = byte == '&'    ? "&amp;"
                         : byte == '<'  ? "&lt;"
                         : byte == '>'  ? "&gt;"
                         : byte == '"'  ? "&quot;"
                         : byte == '\'' ? "&#39;"
                                        : NULL;
    if (!entity) {
        *ret_bytes = byte;
        return 1;
    }
    return (size_t)snprintf(ret_bytes, ESCAPED_MAX + 1, "%s", entity);
}

static void
escaped_member(struct json_writer *writer, const char *key, const char *text,
               size_t (*escape)(char byte, char *ret_bytes))
{
    char *value = escaped(text, escape);
    json_text_member(writer, key, value);
    free(value);
}

/* --- Slack: plain_text is shown as it is --- */

static void
put_plain_text(struct json_writer *writer, const char *text)
{
    json_open_object(writer);
    json_text_member(writer, "type", "plain_text");
    json_text_member(writer, "text", text);
    json_boolean_member(writer, "emoji", false);
    json_close_object(writer);
}

static void
put_slack_field(struct json_writer *writer, const struct fact *fact)
{
    size_t size = strlen(fact->label) + strlen(fact->value) + 3;
    char *text = memory_new(1, size);
    snprintf(text, size, "%s: %s", fact->label, fact->value);
    put_plain_text(writer, text);
    free(text);
}

static void
put_slack_fields(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_text_member(writer, "type", "section");
    json_key(writer, "fields");
    json_open_array(writer);
    for (size_t i = 0; i < message->count; i++) {
        put_slack_field(writer, &message->facts[i]);
    }
    json_close_array(writer);
    json_close_object(writer);
}

static void
put_slack_button(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_text_member(writer, "type", "actions");
    json_key(writer, "elements");
    json_open_array(writer);
    json_open_object(writer);
    json_text_member(writer, "type", "button");
    json_key(writer, "text");
    put_plain_text(writer, LINK_LABEL);
    json_text_member(writer, "url", message->link);
    json_close_object(writer);
    json_close_array(writer);
    json_close_object(writer);
}

static void
write_slack(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_text_member(writer, "text", message->title);
    json_key(writer, "blocks");
    json_open_array(writer);
    json_open_object(writer);
    json_text_member(writer, "type", "header");
    json_key(writer, "text");
    put_plain_text(writer, message->title);
    json_close_object(writer);
    if (message->count > 0) {
        put_slack_fields(writer, message);
    }
    put_slack_button(writer, message);
    json_close_array(writer);
    json_close_object(writer);
}

/* --- Discord --- */

static void
put_discord_embed(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_text_member(writer, "title", message->title);
    json_text_member(writer, "url", message->link);
    json_key(writer, "fields");
    json_open_array(writer);
    for (size_t i = 0; i < message->count; i++) {
        json_open_object(writer);
        json_text_member(writer, "name", message->facts[i].label);
        escaped_member(writer, "value", message->facts[i].value, escape_markdown);
        json_close_object(writer);
    }
    json_close_array(writer);
    json_close_object(writer);
}

static void
write_discord(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_key(writer, "allowed_mentions");
    json_open_object(writer);
    json_key(writer, "parse");
    json_open_array(writer);
    json_close_array(writer);
    json_close_object(writer);
    json_key(writer, "embeds");
    json_open_array(writer);
    put_discord_embed(writer, message);
    json_close_array(writer);
    json_close_object(writer);
}

/* --- Microsoft Teams: a TextRun knows no Markdown --- */

static void
put_run(struct json_writer *writer, const char *text, bool is_bold)
{
    json_open_object(writer);
    json_text_member(writer, "type", "TextRun");
    json_text_member(writer, "text", text);
    if (is_bold) {
        json_text_member(writer, "weight", "Bolder");
    }
    json_close_object(writer);
}

static void
put_teams_line(struct json_writer *writer, const char *label, const char *value)
{
    json_open_object(writer);
    json_text_member(writer, "type", "RichTextBlock");
    json_key(writer, "inlines");
    json_open_array(writer);
    put_run(writer, label, true);
    if (value) {
        put_run(writer, ": ", true);
        put_run(writer, value, false);
    }
    json_close_array(writer);
    json_close_object(writer);
}

static void
put_card(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_text_member(writer, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
    json_text_member(writer, "type", "AdaptiveCard");
    json_text_member(writer, "version", "1.4");
    json_key(writer, "body");
    json_open_array(writer);
    put_teams_line(writer, message->title, NULL);
    for (size_t i = 0; i < message->count; i++) {
        put_teams_line(writer, message->facts[i].label, message->facts[i].value);
    }
    json_close_array(writer);
    json_key(writer, "actions");
    json_open_array(writer);
    json_open_object(writer);
    json_text_member(writer, "type", "Action.OpenUrl");
    json_text_member(writer, "title", LINK_LABEL);
    json_text_member(writer, "url", message->link);
    json_close_object(writer);
    json_close_array(writer);
    json_close_object(writer);
}

static void
write_teams(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_text_member(writer, "type", "message");
    json_key(writer, "attachments");
    json_open_array(writer);
    json_open_object(writer);
    json_text_member(writer, "contentType", "application/vnd.microsoft.card.adaptive");
    json_text_member(writer, "contentUrl", NULL);
    json_key(writer, "content");
    put_card(writer, message);
    json_close_object(writer);
    json_close_array(writer);
    json_close_object(writer);
}

/* --- Google Chat --- */

static void
put_google_widget(struct json_writer *writer, const struct fact *fact)
{
    json_open_object(writer);
    json_key(writer, "decoratedText");
    json_open_object(writer);
    json_text_member(writer, "topLabel", fact->label);
    escaped_member(writer, "text", fact->value, escape_html);
    json_boolean_member(writer, "wrapText", true);
    json_close_object(writer);
    json_close_object(writer);
}

static void
put_google_button(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_key(writer, "buttonList");
    json_open_object(writer);
    json_key(writer, "buttons");
    json_open_array(writer);
    json_open_object(writer);
    json_text_member(writer, "text", LINK_LABEL);
    json_key(writer, "onClick");
    json_open_object(writer);
    json_key(writer, "openLink");
    json_open_object(writer);
    json_text_member(writer, "url", message->link);
    json_close_object(writer);
    json_close_object(writer);
    json_close_object(writer);
    json_close_array(writer);
    json_close_object(writer);
    json_close_object(writer);
}

static void
put_google_section(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_key(writer, "widgets");
    json_open_array(writer);
    for (size_t i = 0; i < message->count; i++) {
        put_google_widget(writer, &message->facts[i]);
    }
    put_google_button(writer, message);
    json_close_array(writer);
    json_close_object(writer);
}

static void
write_google_chat(struct json_writer *writer, const struct message *message)
{
    json_open_object(writer);
    json_text_member(writer, "text", message->title);
    json_key(writer, "cardsV2");
    json_open_array(writer);
    json_open_object(writer);
    json_text_member(writer, "cardId", "event");
    json_key(writer, "card");
    json_open_object(writer);
    json_key(writer, "sections");
    json_open_array(writer);
    put_google_section(writer, message);
    json_close_array(writer);
    json_close_object(writer);
    json_close_object(writer);
    json_close_array(writer);
    json_close_object(writer);
}

/* --- all platforms --- */

static const struct {
    const char *name;
    void (*write)(struct json_writer *writer, const struct message *message);
} platforms[] = {
    { "slack", write_slack },
    { "discord", write_discord },
    { "teams", write_teams },
    { "google_chat", write_google_chat },
};

static const char *
string_at(const struct json_value *array, size_t index)
{
    const struct json_value *value = json_at(array, index, NULL);
    return value && json_type(value) == JSON_STRING ? json_string(value, NULL) : "";
}

static void
read_facts(struct message *message, const struct json_value *facts)
{
    const struct json_value *pair;
    for (size_t i = 0; i < FACTS_MAX && (pair = json_at(facts, i, NULL)); i++) {
        message->facts[message->count++] = (struct fact){ string_at(pair, 0), clean(string_at(pair, 1)) };
    }
}

static char *
write_message(void (*write)(struct json_writer *writer, const struct message *message),
              const struct message *message)
{
    size_t length;
    struct json_writer *writer = json_writer_new();
    write(writer, message);
    const char *bytes = json_writer_bytes(writer, &length);
    char *body = memory_copy_text(bytes, length);
    json_writer_free(writer);
    return body;
}

char *
webhook_body(const char *platform, const struct webhook_text *text)
{
    size_t place = 0, count = sizeof(platforms) / sizeof(platforms[0]);
    while (place < count && strcmp(platforms[place].name, platform) != 0) {
        place++;
    }
    if (place == count) {
        return NULL;
    }
    struct message message = { .title = text->title };
    snprintf(message.link, sizeof(message.link), "%s%s", text->public_url, text->path);
    struct json_document *facts = NULL;
    const char *error;
    if (json_read(text->facts, strlen(text->facts), &facts, &error) == 0) {
        read_facts(&message, json_root(facts));
    }
    char *body = write_message(platforms[place].write, &message);
    for (size_t i = 0; i < message.count; i++) {
        free(message.facts[i].value);
    }
    json_free(facts);
    return body;
}
