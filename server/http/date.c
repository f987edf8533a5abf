#include "server/http/date.h"
#include "common/clock.h"
#include <stdio.h>
#include <time.h>

/* RFC 9110 §5.6.7. Not by strftime(), whose names are the locale's. */
static void
format(time_t second, char ret_line[HTTP_DATE_LENGTH + 1])
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm tm;
    gmtime_r(&second, &tm);
    snprintf(ret_line, HTTP_DATE_LENGTH + 1, "Date: %s, %02u %s %04u %02u:%02u:%02u GMT\r\n",
             days[tm.tm_wday], (unsigned)tm.tm_mday % 100, months[tm.tm_mon],
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100);
}

const char *
http_date_line(struct http_date *date)
{
    int64_t second = clock_wall_us() / 1000000;
    if (second != date->second || !date->line[0]) {
        format((time_t)second, date->line);
        date->second = second;
    }
    return date->line;
}
