#include "hv/dump_line.h"
#include "lib/fmt.h"
#include "lib/log.h"

void dump_line_end(struct dump_line *line)
{
    if (line->used) {
        log_error("%s", line->text);
        line->used = 0;
    }
}

void dump_line_add(struct dump_line *line, const char *name, uint64_t value)
{
    char item[DUMP_LINE_SIZE];
    size_t len = fmt_print(item, sizeof(item), " %s=%llx", name, (unsigned long long)value);

    if (len >= sizeof(line->text) - line->used) {
        dump_line_end(line);
    }
    (void)fmt_print(line->text + line->used, sizeof(line->text) - line->used, "%s", item);
    line->used += len;
}
