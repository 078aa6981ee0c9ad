/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats-fields.h"

#include <inttypes.h>

#include "../fields.h"
#include "histogram.h"
#include "objects.h"
#include "style.h"

#define NS_PER_MS 1e6
#define NS_PER_S 1e9
#define FINENESS 1e6

/* Groups come after regions. */
#define GROUP_KEY (UINT64_C(1) << 63)

/* A field's function; DATA is the row. */
#define FIELD(function)                                                                            \
        static int function(struct dm_report *rh, struct dm_pool *mem,                             \
                            struct dm_report_field *field, const void *data, void *user)

#define OBJECT (((const struct row *)data)->object)
#define STYLE ((const struct stats_style *)user)

/* ---- kinds of values ------------------------------------------------------------------------------------ */

static int put(struct dm_report *rh, struct dm_report_field *field, const char *text)
{
        return dm_report_field_string(rh, field, &text);
}

static int put_and_free(struct dm_report *rh, struct dm_report_field *field, char *text)
{
        int ok = put(rh, field, text);

        g_free(text);
        return ok;
}

static int put_number(struct dm_report *rh, struct dm_report_field *field, uint64_t number)
{
        return dm_report_field_uint64(rh, field, &number);
}

/* TEXT, which is freed, with a number to sort and select by. */
static int put_with_key(struct dm_pool *mem, struct dm_report_field *field, char *text, uint64_t key)
{
        uint64_t *sort = dm_pool_alloc(mem, sizeof(*sort));
        const char *copy = dm_pool_strdup(mem, text);

        g_free(text);
        if (!sort || !copy)
                return 0;
        *sort = key;
        dm_report_field_set_value(field, copy, sort);
        return 1;
}

/* The engine compares whole numbers: with what is given to -S those that are shown, with each other finer
 * ones. */
static int put_fraction(struct dm_pool *mem, struct dm_report_field *field,
                        const struct stats_style *style, double value)
{
        double key = style->selects ? value : value * FINENESS;

        return put_with_key(mem, field, g_strdup_printf("%.2f", value), (uint64_t)key);
}

static int put_time(struct dm_pool *mem, struct dm_report_field *field, const struct stats_style *style,
                    double ns)
{
        return put_fraction(mem, field, style, ns / NS_PER_MS);
}

/* A size that is compared as a number of sectors. */
static int put_sectors(struct dm_pool *mem, struct dm_report_field *field,
                       const struct stats_style *style, double sectors)
{
        const char *text = stats_style_size(style, mem, (uint64_t)sectors);

        return text && put_with_key(mem, field, g_strdup(text), (uint64_t)sectors);
}

/* A size that is compared with sizes: the engine does so with floating point numbers of sectors. */
static int put_size(struct dm_pool *mem, struct dm_report_field *field,
                    const struct stats_style *style, uint64_t sectors)
{
        double *sort = dm_pool_alloc(mem, sizeof(*sort));
        const char *text = stats_style_size(style, mem, sectors);

        if (!sort || !text)
                return 0;
        *sort = (double)sectors;
        dm_report_field_set_value(field, text, sort);
        return 1;
}

/* ---- counters --------------------------------------------------------------------------------------------- */

#define COUNTER_FIELD(function, counter)                                                           \
        FIELD(function)                                                                            \
        {                                                                                          \
                return put_number(rh, field, OBJECT->counters[counter]);                           \
        }

COUNTER_FIELD(show_reads, READS)
COUNTER_FIELD(show_reads_merged, READS_MERGED)
COUNTER_FIELD(show_read_sectors, READ_SECTORS)
COUNTER_FIELD(show_read_time, READ_TIME)
COUNTER_FIELD(show_writes, WRITES)
COUNTER_FIELD(show_writes_merged, WRITES_MERGED)
COUNTER_FIELD(show_write_sectors, WRITE_SECTORS)
COUNTER_FIELD(show_write_time, WRITE_TIME)
COUNTER_FIELD(show_in_progress, IN_PROGRESS)
COUNTER_FIELD(show_io_ticks, IO_TICKS)
COUNTER_FIELD(show_queue_ticks, QUEUE_TICKS)
COUNTER_FIELD(show_read_ticks, READ_TICKS)
COUNTER_FIELD(show_write_ticks, WRITE_TICKS)

/* ---- metrics ------------------------------------------------------------------------------------------------ */

#define RATE_FIELD(function, counter)                                                              \
        FIELD(function)                                                                            \
        {                                                                                          \
                return put_fraction(mem, field, STYLE, object_per_sec(OBJECT, counter));                  \
        }

RATE_FIELD(show_reads_merged_per_sec, READS_MERGED)
RATE_FIELD(show_writes_merged_per_sec, WRITES_MERGED)
RATE_FIELD(show_reads_per_sec, READS)
RATE_FIELD(show_writes_per_sec, WRITES)

FIELD(show_read_size_per_sec)
{
        return put_sectors(mem, field, STYLE, object_per_sec(OBJECT, READ_SECTORS));
}

FIELD(show_write_size_per_sec)
{
        return put_sectors(mem, field, STYLE, object_per_sec(OBJECT, WRITE_SECTORS));
}

FIELD(show_request_size)
{
        return put_sectors(mem, field, STYLE, object_request_sectors(OBJECT));
}

FIELD(show_queue_size)
{
        return put_fraction(mem, field, STYLE, object_queue_size(OBJECT));
}

FIELD(show_await)
{
        return put_time(mem, field, STYLE, object_wait_ns(OBJECT, true, true));
}

FIELD(show_read_await)
{
        return put_time(mem, field, STYLE, object_wait_ns(OBJECT, true, false));
}

FIELD(show_write_await)
{
        return put_time(mem, field, STYLE, object_wait_ns(OBJECT, false, true));
}

FIELD(show_throughput)
{
        return put_fraction(mem, field, STYLE, object_throughput(OBJECT));
}

FIELD(show_service_time)
{
        return put_time(mem, field, STYLE, object_service_ns(OBJECT));
}

FIELD(show_util)
{
        double of_hundred = 100 * object_utilization(OBJECT);

        return put_with_key(mem, field, g_strdup_printf("%.2f", of_hundred),
                            (uint64_t)(of_hundred * DM_PERCENT_1));
}

FIELD(show_interval_ns)
{
        return put_number(rh, field, OBJECT->interval_ns);
}

FIELD(show_interval)
{
        return put_with_key(mem, field,
                            g_strdup_printf("%2.6f", (double)OBJECT->interval_ns / NS_PER_S),
                            STYLE->selects ? (uint64_t)((double)OBJECT->interval_ns / NS_PER_S)
                                           : OBJECT->interval_ns);
}

/* ---- histograms ------------------------------------------------------------------------------------------------ */

static int put_histogram(struct dm_report *rh, struct dm_report_field *field, const StatsObject *object,
                         const struct stats_style *style, unsigned show)
{
        show |= style->time_suffix ? HISTOGRAM_SUFFIX : 0;
        show |= style->narrow ? HISTOGRAM_NARROW : 0;
        return put_and_free(rh, field, histogram_text(object->region->bounds, object->bins, show));
}

#define HISTOGRAM_FIELD(function, show)                                                            \
        FIELD(function)                                                                            \
        {                                                                                          \
                return put_histogram(rh, field, OBJECT, STYLE, show);                              \
        }

HISTOGRAM_FIELD(show_hist_count, HISTOGRAM_COUNTS)
HISTOGRAM_FIELD(show_hist_count_bounds, HISTOGRAM_COUNTS | HISTOGRAM_LOWER)
HISTOGRAM_FIELD(show_hist_count_ranges, HISTOGRAM_COUNTS | HISTOGRAM_RANGES)
HISTOGRAM_FIELD(show_hist_percent, HISTOGRAM_PERCENT)
HISTOGRAM_FIELD(show_hist_percent_bounds, HISTOGRAM_PERCENT | HISTOGRAM_LOWER)
HISTOGRAM_FIELD(show_hist_percent_ranges, HISTOGRAM_PERCENT | HISTOGRAM_RANGES)
HISTOGRAM_FIELD(show_hist_bounds, HISTOGRAM_LOWER)
HISTOGRAM_FIELD(show_hist_ranges, HISTOGRAM_RANGES)

/* (dmstats says 0 of a group, whatever its histogram) */
FIELD(show_hist_bins)
{
        unsigned bounds = OBJECT->type == OBJECT_GROUP ? 0 : OBJECT->region->bounds->len;

        return put_and_free(rh, field, g_strdup_printf("%u", bounds ? bounds + 1 : 0));
}

/* ---- what the object is --------------------------------------------------------------------------------------------- */

FIELD(show_region_id)
{
        const StatsObject *object = OBJECT;
        char *text = object->type == OBJECT_GROUP ? ids_text(object->group->members)
                                                  : g_strdup_printf("%" PRIu64, object->region->id);

        return put_with_key(mem, field, text,
                            object->region->id | (object->type == OBJECT_GROUP ? GROUP_KEY : 0));
}

/* A group has one area: itself. */
static bool is_divided(const StatsObject *object)
{
        return object->type != OBJECT_GROUP;
}

FIELD(show_region_start)
{
        return put_size(mem, field, STYLE, OBJECT->region->start);
}

FIELD(show_region_len)
{
        return put_size(mem, field, STYLE, OBJECT->length);
}

FIELD(show_area_id)
{
        return put_number(rh, field, OBJECT->area);
}

FIELD(show_area_start)
{
        return put_size(mem, field, STYLE, OBJECT->region->start + OBJECT->area * OBJECT->region->step);
}

FIELD(show_area_len)
{
        return put_size(mem, field, STYLE, is_divided(OBJECT) ? OBJECT->region->step : OBJECT->length);
}

FIELD(show_area_offset)
{
        return put_size(mem, field, STYLE, OBJECT->area * OBJECT->region->step);
}

FIELD(show_area_count)
{
        return put_number(rh, field, is_divided(OBJECT) ? OBJECT->region->area_count : 1);
}

FIELD(show_group_id)
{
        const StatsGroup *group = OBJECT->group;
        char *text = group ? g_strdup_printf("%" PRIu64, group->id) : g_strdup("-");

        return put_with_key(mem, field, text, group ? group->id : UINT64_MAX);
}

FIELD(show_program_id)
{
        return put(rh, field, OBJECT->region->program);
}

FIELD(show_user_data)
{
        /* what is stored with a group is its first region's */
        return put(rh, field, is_divided(OBJECT) ? OBJECT->region->user_data : "");
}

FIELD(show_precise)
{
        return put(rh, field, OBJECT->region->precise ? "1" : "0");
}

FIELD(show_stats_name)
{
        const StatsGroup *group = OBJECT->group;

        return put(rh, field,
                   group && *group->alias ? group->alias : ((const struct row *)data)->info->name);
}

FIELD(show_obj_type)
{
        enum object_type type = OBJECT->type;

        return put(rh, field,
                   type == OBJECT_AREA     ? "area"
                   : type == OBJECT_REGION ? "region"
                                           : "group");
}

#define TEXT DM_REPORT_FIELD_TYPE_STRING
#define NUMBER DM_REPORT_FIELD_TYPE_NUMBER
#define SIZE DM_REPORT_FIELD_TYPE_SIZE
#define PERCENT DM_REPORT_FIELD_TYPE_PERCENT

const struct dm_report_field_type stats_fields_table[] = {
        {NEEDS_COUNTERS, NUMBER, 0, 6, "read_count", "#Reads", show_reads, "reads that ended"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "reads_merged_count", "#RdMrgs", show_reads_merged,
         "reads that went on where the one before ended"},
        {NEEDS_COUNTERS, NUMBER, 0, 10, "read_sector_count", "#RdSectors", show_read_sectors,
         "sectors read"},
        {NEEDS_COUNTERS, NUMBER, 0, 11, "read_time", "AccRdTime", show_read_time,
         "what all reads took together (ns)"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "write_count", "#Writes", show_writes, "writes that ended"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "writes_merged_count", "#WrMrgs", show_writes_merged,
         "writes that went on where the one before ended"},
        {NEEDS_COUNTERS, NUMBER, 0, 10, "write_sector_count", "#WrSectors", show_write_sectors,
         "sectors written"},
        {NEEDS_COUNTERS, NUMBER, 0, 11, "write_time", "AccWrTime", show_write_time,
         "what all writes took together (ns)"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "in_progress_count", "#InProg", show_in_progress,
         "I/O in progress"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "io_ticks", "IoTicks", show_io_ticks,
         "how long there was I/O (ns)"},
        {NEEDS_COUNTERS, NUMBER, 0, 10, "queue_ticks", "QueueTicks", show_queue_ticks,
         "the same, times how many there were (ns)"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "read_ticks", "RdTicks", show_read_ticks,
         "how long there were reads (ns)"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "write_ticks", "WrTicks", show_write_ticks,
         "how long there were writes (ns)"},
        {NEEDS_COUNTERS, NUMBER, 0, 6, "reads_merged_per_sec", "RMrg/s", show_reads_merged_per_sec,
         "merged reads a second"},
        {NEEDS_COUNTERS, NUMBER, 0, 6, "writes_merged_per_sec", "WMrg/s",
         show_writes_merged_per_sec, "merged writes a second"},
        {NEEDS_COUNTERS, NUMBER, 0, 3, "reads_per_sec", "R/s", show_reads_per_sec, "reads a second"},
        {NEEDS_COUNTERS, NUMBER, 0, 3, "writes_per_sec", "W/s", show_writes_per_sec,
         "writes a second"},
        {NEEDS_COUNTERS, NUMBER, 0, 5, "read_size_per_sec", "RSz/s", show_read_size_per_sec,
         "how much is read a second"},
        {NEEDS_COUNTERS, NUMBER, 0, 5, "write_size_per_sec", "WSz/s", show_write_size_per_sec,
         "how much is written a second"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "avg_request_size", "AvgRqSz", show_request_size,
         "the average size of an I/O"},
        {NEEDS_COUNTERS, NUMBER, 0, 5, "queue_size", "QSize", show_queue_size,
         "how many there are at a time, on average"},
        {NEEDS_COUNTERS, NUMBER, 0, 5, "await", "AWait", show_await,
         "how long an I/O takes, on average (ms)"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "read_await", "RdAWait", show_read_await,
         "how long a read takes, on average (ms)"},
        {NEEDS_COUNTERS, NUMBER, 0, 7, "write_await", "WrAWait", show_write_await,
         "how long a write takes, on average (ms)"},
        {NEEDS_COUNTERS, NUMBER, 0, 10, "throughput", "Throughput", show_throughput,
         "reads and writes a second"},
        {NEEDS_COUNTERS, NUMBER, 0, 5, "service_time", "SvcTm", show_service_time,
         "how long the device is busy for an I/O (ms)"},
        {NEEDS_COUNTERS, PERCENT | DM_REPORT_FIELD_ALIGN_RIGHT, 0, 5, "util", "Util%", show_util,
         "how much of the time there was I/O"},
        {NEEDS_COUNTERS, TEXT, 0, 16, "hist_count", "Histogram Counts", show_hist_count,
         "how many I/O are in each bin of the histogram"},
        {NEEDS_COUNTERS, TEXT, 0, 16, "hist_count_bounds", "Histogram Counts",
         show_hist_count_bounds, "the same with each bin's lower bound"},
        {NEEDS_COUNTERS, TEXT, 0, 16, "hist_count_ranges", "Histogram Counts",
         show_hist_count_ranges, "the same with both bounds"},
        {NEEDS_COUNTERS, TEXT, 0, 10, "hist_percent", "Histogram%", show_hist_percent,
         "the share of all I/O that is in each bin"},
        {NEEDS_COUNTERS, TEXT, 0, 10, "hist_percent_bounds", "Histogram%",
         show_hist_percent_bounds, "the same with each bin's lower bound"},
        {NEEDS_COUNTERS, TEXT, 0, 10, "hist_percent_ranges", "Histogram%",
         show_hist_percent_ranges, "the same with both bounds"},
        {NEEDS_COUNTERS, NUMBER, 0, 10, "interval_ns", "IntervalNs", show_interval_ns,
         "the time that the counters are of (ns)"},
        {NEEDS_COUNTERS, NUMBER, 0, 8, "interval", "Interval", show_interval, "the same in seconds"},
        {NEEDS_REGIONS, NUMBER, 0, 4, "region_id", "RgID", show_region_id,
         "the region's number; of a group, those of its regions"},
        {NEEDS_REGIONS, SIZE, 0, 7, "region_start", "RgStart", show_region_start,
         "where the region begins"},
        {NEEDS_REGIONS, SIZE, 0, 6, "region_len", "RgSize", show_region_len, "its length"},
        {NEEDS_REGIONS, NUMBER, 0, 4, "area_id", "ArID", show_area_id, "the area's number"},
        {NEEDS_REGIONS, SIZE, 0, 7, "area_start", "ArStart", show_area_start,
         "where the area begins on the device"},
        {NEEDS_REGIONS, SIZE, 0, 6, "area_len", "ArSize", show_area_len, "its length"},
        {NEEDS_REGIONS, SIZE, 0, 5, "area_offset", "ArOff", show_area_offset,
         "where it begins in the region"},
        {NEEDS_REGIONS, NUMBER, 0, 6, "area_count", "#Areas", show_area_count,
         "how many areas the region has"},
        {NEEDS_REGIONS, NUMBER, 0, 5, "group_id", "GrpID", show_group_id, "the group's number"},
        {NEEDS_REGIONS, TEXT, 0, 6, "program_id", "ProgID", show_program_id,
         "the program that made the region"},
        {NEEDS_REGIONS, TEXT, 0, 8, "user_data", "UserData", show_user_data,
         "what the user stored with it"},
        {NEEDS_REGIONS, TEXT, 0, 7, "precise", "Precise", show_precise, "whether it counts ns"},
        {NEEDS_REGIONS, TEXT, 0, 9, "hist_bins", "#Bins", show_hist_bins,
         "how many bins its histogram has"},
        {NEEDS_REGIONS, TEXT, 0, 16, "hist_bounds", "Histogram Bounds", show_hist_bounds,
         "each bin's lower bound"},
        {NEEDS_REGIONS, TEXT, 0, 16, "hist_ranges", "Histogram Ranges", show_hist_ranges,
         "each bin's bounds"},
        {NEEDS_REGIONS, TEXT, 0, 16, "stats_name", "Name", show_stats_name,
         "the group's alias, or the device's name"},
        {NEEDS_REGIONS, TEXT, 0, 7, "obj_type", "ObjType", show_obj_type,
         "what the row is about: area, region or group"},
        {0, 0, 0, 0, "", "", NULL, NULL},
};
