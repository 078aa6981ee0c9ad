/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <libdevmapper.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "say.h"

/* getopt's values for options without a letter begin above all characters. */
#define LONG_BASE 256

const struct option_info option_table[OPTION_COUNT] = {
        [OPT_ADDNODEONCREATE] = {"addnodeoncreate", "", NULL,
                                 "accepted: a file is there as its device is"},
        [OPT_ADDNODEONRESUME] = {"addnodeonresume", "", NULL,
                                 "accepted: a file is there as its device is"},
        [OPT_ALIAS] = {"alias", "", "name", "a group's name"},
        [OPT_ALLDEVICES] = {"alldevices", "", NULL, "stats: on all devices"},
        [OPT_ALLPROGRAMS] = {"allprograms", "", NULL, "stats: regions of every program"},
        [OPT_ALLREGIONS] = {"allregions", "", NULL, "stats: all regions"},
        [OPT_AREA] = {"area", "", NULL, "stats: report areas"},
        [OPT_AREAS] = {"areas", "", "nr_areas", "into how many areas a region is cut"},
        [OPT_AREASIZE] = {"areasize", "", "size",
                          "the size of the areas that a region is cut into"},
        [OPT_BOUNDS] = {"bounds", "", "bounds", "the bounds of a region's histogram: 10ms,50ms,1s"},
        [OPT_CHECKS] = {"checks", "", NULL, "accepted: everything is checked"},
        [OPT_CLEAR] = {"clear", "", NULL, "stats print: set the counters to 0 as well"},
        [OPT_COLUMNS] = {"columns", "cC", NULL, "print columns (info, splitname)"},
        [OPT_CONCISE] = {"concise", "", NULL, "the one-line format for many devices"},
        [OPT_COUNT] = {"count", "", "count", "repeat a report so often; 0: for ever"},
        [OPT_DEFERRED] = {"deferred", "", NULL, "remove an open device at its last close"},
        [OPT_DOT] = {"dot", "", NULL, "with --tree: print a graph for Graphviz"},
        [OPT_EXEC] = {"exec", "", "command", "run a command with each device's path"},
        [OPT_FILEMAP] = {"filemap", "", NULL, "stats create: map a file; refused"},
        [OPT_FOLLOW] = {"follow", "", "mode", "accepted: no file is mapped"},
        [OPT_FORCE] = {"force", "f", NULL, "try harder"},
        [OPT_FOREGROUND] = {"foreground", "", NULL, "accepted: no file is mapped"},
        [OPT_GID] = {"gid", "G", "gid", "the group of the device's file"},
        [OPT_GROUP] = {"group", "", NULL, "stats: report groups"},
        [OPT_GROUPID] = {"groupid", "", "id", "the number of a group"},
        [OPT_HELP] = {"help", "h", NULL, "print the commands and options"},
        [OPT_HISTOGRAM] = {"histogram", "", NULL, "stats: the fields of histograms"},
        [OPT_IMMEDIATE] = {"immediate", "", NULL, "remove at once, whatever I/O is under way"},
        [OPT_INACTIVE] = {"inactive", "", NULL, "tell of the inactive table"},
        [OPT_INTERVAL] = {"interval", "", "seconds", "the time between two reports"},
        [OPT_JSON] = {"json", "", NULL, "print JSON"},
        [OPT_LENGTH] = {"length", "", "length", "the length of a region"},
        [OPT_MAJOR] = {"major", "j", "major", "a device's major number"},
        [OPT_MANGLENAME] = {"manglename", "", "mode", "how names are mangled: auto, hex or none"},
        [OPT_MINOR] = {"minor", "m", "minor", "a device's minor number"},
        [OPT_MODE] = {"mode", "M", "mode", "the mode of the device's file, octal"},
        [OPT_MOUNT] = {"mount", "", "dir", "talk to the fusemap that is mounted there"},
        [OPT_NAMEPREFIXES] = {"nameprefixes", "", NULL, "put DM_FIELD= before each value"},
        [OPT_NOFLUSH] = {"noflush", "", NULL,
                         "do not wait for I/O (suspend), do not commit (status)"},
        [OPT_NOGROUP] = {"nogroup", "", NULL, "stats create: make no group of the segments"},
        [OPT_NOHEADINGS] = {"noheadings", "", NULL, "print no headings"},
        [OPT_NOLOCKFS] = {"nolockfs", "", NULL, "do not sync what is on the device"},
        [OPT_NOMONITOR] = {"nomonitor", "", NULL, "accepted: no file is mapped"},
        [OPT_NOOPENCOUNT] = {"noopencount", "", NULL, "accepted"},
        [OPT_NOSUFFIX] = {"nosuffix", "", NULL,
                          "accepted: only sizes in units of h and H have a suffix"},
        [OPT_NOTABLE] = {"notable", "n", NULL, "create without a table"},
        [OPT_NOTIMESUFFIX] = {"notimesuffix", "", NULL,
                              "print times as nanoseconds without a unit"},
        [OPT_NOUDEVRULES] = {"noudevrules", "", NULL, "accepted: there is no udev"},
        [OPT_NOUDEVSYNC] = {"noudevsync", "", NULL, "accepted: there is no udev"},
        [OPT_OPTIONS] = {"options", "o", "options", "fields of a report, or how to print devices"},
        [OPT_PRECISE] = {"precise", "", NULL, "stats create: count nanoseconds"},
        [OPT_PROGRAMID] = {"programid", "", "id", "the program that regions belong to"},
        [OPT_READAHEAD] = {"readahead", "", "sectors", "accepted"},
        [OPT_READONLY] = {"readonly", "r", NULL, "load the table read-only"},
        [OPT_REGION] = {"region", "", NULL, "stats: report regions"},
        [OPT_REGIONID] = {"regionid", "", "id", "the number of a region"},
        [OPT_REGIONS] = {"regions", "", "regions", "the regions of a group: 0,2-4"},
        [OPT_RELATIVE] = {"relative", "", NULL, "with --histogram: percent instead of counts"},
        [OPT_RETRY] = {"retry", "", NULL, "try for five seconds to remove a busy device"},
        [OPT_ROWS] = {"rows", "", NULL, "print columns as rows"},
        [OPT_SEGMENTS] = {"segments", "", NULL, "stats create: a region for each target"},
        [OPT_SELECT] = {"select", "S", "selection", "only devices that match"},
        [OPT_SEPARATOR] = {"separator", "", "separator", "what is between two columns"},
        [OPT_SETUUID] = {"setuuid", "", NULL, "rename: set the uuid"},
        [OPT_SHOWKEYS] = {"showkeys", "", NULL, "table: show encryption keys"},
        [OPT_SOCKET] = {"socket", "", "path", "talk to the fusemap that listens there"},
        [OPT_SORT] = {"sort", "O", "fields", "sort a report by these fields"},
        [OPT_START] = {"start", "", "start", "where a region begins"},
        [OPT_TABLE] = {"table", "", "table", "the table"},
        [OPT_TARGET] = {"target", "", "type", "only targets of this type"},
        [OPT_TREE] = {"tree", "", NULL, "draw what stands on what"},
        [OPT_UDEVCOOKIE] = {"udevcookie", "", "cookie", "accepted: there is no udev"},
        [OPT_UID] = {"uid", "U", "uid", "the owner of the device's file"},
        [OPT_UNBUFFERED] = {"unbuffered", "", NULL, "print each row as it comes"},
        [OPT_UNITS] = {"units", "", "units", "the unit of sizes in reports"},
        [OPT_UNQUOTED] = {"unquoted", "", NULL, "with --nameprefixes: no quotes"},
        [OPT_USERDATA] = {"userdata", "", "data", "a word to be stored with a region"},
        [OPT_UUID] = {"uuid", "u", "uuid", "a device's uuid"},
        [OPT_VERBOSE] = {"verbose", "v", NULL, "say more"},
        [OPT_VERIFYUDEV] = {"verifyudev", "", NULL, "accepted: there is no udev"},
        [OPT_VERSION] = {"version", "", NULL, "print versions"},
        [OPT_YES] = {"yes", "y", NULL, "answer yes to every question"},
};

static bool take_number(struct options *o, enum option_id id)
{
        uint64_t n;

        if (!dm_parse_u64(o->text[id], &n) || n > INT32_MAX) {
                say_error("Invalid argument for --%s: %s.", option_table[id].name, o->text[id]);
                return false;
        }
        o->number[id] = (unsigned)n;
        return true;
}

static bool take_interval(struct options *o)
{
        uint64_t n;

        if (!dm_parse_u64(o->text[OPT_INTERVAL], &n) || !n || n > INT32_MAX) {
                say_error("Interval must be a positive integer.");
                return false;
        }
        o->number[OPT_INTERVAL] = (unsigned)n;
        return true;
}

static bool take_mode(struct options *o)
{
        const char *text = o->text[OPT_MODE];
        char *end;
        unsigned long mode;

        errno = 0;
        mode = strtoul(text, &end, 8);
        if (errno || *end || end == text || *text == '-' || !mode || mode > 07777) {
                say_error("Invalid argument for --mode: %s. %s", text,
                          errno ? g_strerror(errno) : "");
                return false;
        }
        o->number[OPT_MODE] = (unsigned)mode;
        return true;
}

static bool take_manglename(struct options *o)
{
        static const struct {
                const char *name;
                dm_string_mangling_t mode;
        } modes[] = {{"none", DM_STRING_MANGLING_NONE},
                     {"auto", DM_STRING_MANGLING_AUTO},
                     {"hex", DM_STRING_MANGLING_HEX}};

        for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++)
                if (!g_ascii_strcasecmp(o->text[OPT_MANGLENAME], modes[i].name)) {
                        dm_set_name_mangling_mode(modes[i].mode);
                        return true;
                }
        say_error("Unknown name mangling mode.");
        return false;
}

/* The value changes nothing here, but what dmsetup refuses is refused. */
static bool take_readahead(const struct options *o)
{
        const char *text = o->text[OPT_READAHEAD];

        if (g_ascii_strcasecmp(text, "auto") && g_ascii_strcasecmp(text, "none") &&
            atoi(text) < -1) {
                say_error("Negative read ahead value (%d) is not understood.", atoi(text));
                return false;
        }
        return true;
}

static bool take(struct options *o, enum option_id id, const char *value)
{
        o->given[id]++;
        o->text[id] = value;
        switch (id) {
        case OPT_AREAS:
        case OPT_COUNT:
        case OPT_GID:
        case OPT_GROUPID:
        case OPT_MAJOR:
        case OPT_MINOR:
        case OPT_REGIONID:
        case OPT_UID:
                return take_number(o, id);
        case OPT_INTERVAL:
                return take_interval(o);
        case OPT_MODE:
                return take_mode(o);
        case OPT_MANGLENAME:
                return take_manglename(o);
        case OPT_READAHEAD:
                return take_readahead(o);
        case OPT_UDEVCOOKIE:
                say_check_cookie(value);
                return true;
        default:
                return true;
        }
}

static bool check_combinations(const struct options *o)
{
        if (!o->given[OPT_MAJOR] != !o->given[OPT_MINOR]) {
                say_error("Please specify both major number and minor number.");
                return false;
        }
        if (o->given[OPT_TABLE] && o->given[OPT_NOTABLE]) {
                say_error("--table and --notable are incompatible.");
                return false;
        }
        if (o->given[OPT_ADDNODEONRESUME] && o->given[OPT_ADDNODEONCREATE]) {
                say_error("--addnodeonresume and --addnodeoncreate are incompatible.");
                return false;
        }
        return true;
}

static enum option_id id_of_letter(int letter)
{
        for (int id = 0; id < OPTION_COUNT; id++)
                if (strchr(option_table[id].letters, letter))
                        return id;
        g_assert_not_reached();
}

bool options_parse(struct options *o, int *argc, char ***argv)
{
        struct option longs[OPTION_COUNT + 1] = {{0}};
        g_autoptr(GString) letters = g_string_new(NULL);
        int c;

        memset(o, 0, sizeof(*o));
        for (int id = 0; id < OPTION_COUNT; id++) {
                const struct option_info *info = &option_table[id];

                longs[id] =
                        (struct option){info->name, info->value ? required_argument : no_argument,
                                        NULL, LONG_BASE + id};
                for (const char *l = info->letters; *l; l++) {
                        g_string_append_c(letters, *l);
                        if (info->value)
                                g_string_append_c(letters, ':');
                }
        }
        optind = 0;
        while ((c = getopt_long(*argc, *argv, letters->str, longs, NULL)) != -1)
                if (c == '?' ||
                    !take(o, c < LONG_BASE ? id_of_letter(c) : (enum option_id)(c - LONG_BASE),
                          optarg))
                        return false;
        *argc -= optind;
        *argv += optind;
        return check_combinations(o);
}
