/* Checks for values of configuration variables. Each function returns NULL when the value is good, otherwise
 * a constant phrase to put after the variable's name ("must be host:port, ..."); the phrase never repeats the
 * value. The caller frees a text in a ret_ parameter. */
#ifndef COMMON_CONFIG_VALUE_H
#define COMMON_CONFIG_VALUE_H

/* Any text without control characters. */
const char *config_value_line(const char *value);

/* host:port, [v6]:port or unix:/path. Port 0 lets the kernel choose one. */
const char *config_value_listen(const char *value);

/* One or more of those, separated by commas, with or without blanks around them. */
const char *config_value_listen_list(const char *value);

/* The mode of a file in octal, 3 digits or 4 that begin with 0. */
const char *config_value_mode(const char *value, long *ret_mode);

/* An http or https URL without path, query, fragment and user. Returns it in the form of a browser's Origin
 * field (RFC 6454 section 6.1): lower case, no trailing slash, no default port. */
const char *config_value_origin(const char *value, char **ret_origin);

/* smtp://[user:password@]host[:port] or smtps://. */
const char *config_value_smtp(const char *value);

/* Comma-separated IPv4 and IPv6 networks or single addresses. Returns them as CIDRs without blanks and with
 * the bits after the prefix cleared: "10.0.0.7/8, ::1" becomes "10.0.0.0/8,::1/128". */
const char *config_value_networks(const char *value, char **ret_networks);

#endif
