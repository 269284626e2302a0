#include "vmx/vmcs_dump.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "vmx/vmcs_access.h"

/* One line of a text screen; the longest name and value take 42 of it. */
#define LINE_SIZE 80

struct line {
    char text[LINE_SIZE];
    size_t used;
};

static void flush(struct line *line)
{
    if (line->used) {
        log_error("%s", line->text);
        line->used = 0;
    }
}

static void add(struct line *line, const char *name, uint64_t value)
{
    char item[LINE_SIZE];
    size_t len = fmt_print(item, sizeof(item), " %s=%llx", name, (unsigned long long)value);

    if (len >= sizeof(line->text) - line->used) {
        flush(line);
    }
    (void)fmt_print(line->text + line->used, sizeof(line->text) - line->used, "%s", item);
    line->used += len;
}

void vmcs_dump(void)
{
    struct line line = { .used = 0 };
    unsigned found = 0;

    log_error("VMCS:");
    for (size_t i = 0; i < vmcs_field_count; i++) {
        uint64_t value;

        if (vmcs_try_read(vmcs_fields[i].encoding, &value)) {
            add(&line, vmcs_fields[i].name, value);
            found++;
        }
    }
    flush(&line);
    if (!found) {
        log_error(" no VMCS is current on this CPU");
    }
}
