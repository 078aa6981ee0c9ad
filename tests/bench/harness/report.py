# SPDX-License-Identifier: BSD-3-Clause
"""From samples to results, tables, bars and the plot."""

import os
import re
import statistics
import subprocess

PEERS = ("floor", "floor-polls", "plain", "qemu", "nbdfuse", "loop", "linear", "qemu-direct")

# What linear has to reach, as ratios of medians in one run: (cell, of whom, at least).
FOUR_K = [f"4k-{what}-{depth}" for what in ("read", "write") for depth in ("qd1", "qd32", "2x16")]
BARS = (
    [("linear", cell, floor, 0.75 if cell.endswith("2x16") else 0.9)
     for floor in ("floor", "floor-polls") for cell in FOUR_K]
    + [("linear", cell, "qemu", {"qd1": 1.0, "qd32": 2.2, "2x16": 2.5}[cell.rsplit("-", 1)[1]])
       for cell in FOUR_K]
    + [("linear", cell, "nbdfuse", 3.5) for cell in FOUR_K]
    + [("linear", "1m-read-qd1", "qemu", 4.0), ("linear", "1m-read-qd8", "qemu", 4.0),
       ("linear", "1m-write-qd8", "qemu", 1.15), ("linear", "dd-read", "qemu", 2.0),
       ("linear", "dd-write", "qemu", 1.2)]
    + [("linear-direct", "disk-4k-read-qd32", "qemu-direct", 1.0)]
    + [("zero", cell, "floor", 0.95) for cell in FOUR_K]
    + [("zero", cell, "floor-polls", 0.95) for cell in FOUR_K]
    + [("stack", cell, "linear", 0.95) for cell in FOUR_K]
    + [("segments", cell, "linear", 0.95) for cell in FOUR_K]
)


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def summarise(cell, samples):
    """SAMPLES: contestant name -> list of Sample."""
    contestants = {
        name: {
            "rate": median([s.rate for s in list_]),
            "rates": [round(s.rate, 3) for s in list_],
            "p50_us": median([s.p50_us for s in list_]),
            "cpu": median([s.cpu for s in list_]),
        }
        for name, list_ in samples.items() if list_
    }
    for entry in contestants.values():
        entry["ratio"] = {
            peer: round(entry["rate"] / contestants[peer]["rate"], 3)
            for peer in PEERS if peer in contestants
        }
    return {"title": cell.title, "unit": cell.unit, "cpu_unit": cell.cpu_unit,
            "contestants": contestants}


def judge(results):
    """Each bar that both sides were measured for: (who, cell, whom, wanted, got)."""
    for who, cell, whom, wanted in BARS:
        entries = results["cells"].get(cell, {}).get("contestants", {})
        if who in entries and whom in entries:
            yield who, cell, whom, wanted, entries[who]["rate"] / entries[whom]["rate"]


# ---- tables --------------------------------------------------------------------------------------


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def names(cells):
    """Who took part in one of CELLS, in the order of the first that had them."""
    found = {}
    for cell in cells:
        found |= dict.fromkeys(cell["contestants"])
    return list(found)


def cell_table(results, corner, show, unit):
    """Cells have rows, contestants columns; the disk's cells, whose contestants are others, another
    table."""
    warm = [c for key, c in results["cells"].items() if not key.startswith("disk-")]
    disk = [c for key, c in results["cells"].items() if key.startswith("disk-")]
    tables = []
    for cells in filter(None, (warm, disk)):
        who = names(cells)
        rows = [[f"{cell['title']}, {cell[unit]}"]
                + [show(cell["contestants"][name]) if name in cell["contestants"] else "-" for name in who]
                for cell in cells]
        tables.append(markdown([corner] + who, rows))
    return "\n\n".join(tables)


def rate_table(results):
    def show(entry):
        text = number(entry["rate"])
        return text if entry["p50_us"] is None else f"{text} ({number(entry['p50_us'])})"

    return cell_table(results, "(p50 in us)", show, "unit")


def cpu_table(results):
    return cell_table(results, "server's CPU time", lambda entry: number(entry["cpu"]), "cpu_unit")


def bar_table(results):
    rows = [[cell, f"{who} of {whom}", f"{wanted:.2f}", f"{got:.2f}", "yes" if got >= wanted else "**no**"]
            for who, cell, whom, wanted, got in judge(results)]
    return markdown(["cell", "ratio", "at least", "got", "reached"], rows)


def machine_text(results):
    m = results["machine"]
    return (f"{m['cpus']} CPUs ({m['cpu']}), kernel {m['kernel']}, {m['filesystem']} under the backing, "
            f"{results['size_mib']} MiB; {results['rounds']} rounds of {results['seconds']} s; "
            f"load when it began {m['load']}{m['policy']}, {results['when']}.")


def plain(tables):
    """Markdown tables in columns, for the terminal."""
    return "\n\n".join(columns(table) for table in tables.split("\n\n"))


def columns(table):
    rows = [[word.strip() for word in line.strip("|").split("|")] for line in table.splitlines()]
    rows.pop(1)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join([row[0].ljust(widths[0])] + [w.rjust(n) for w, n in zip(row[1:], widths[1:])])
                     for row in rows)


# ---- the document ----------------------------------------------------------------------------------


def put_table(text, name, table):
    begin, end = f"<!-- {name}: made by tests/bench/run -->", f"<!-- {name}: end -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the document has no place for '{name}'")
    return pattern.sub(lambda _: f"{begin}\n{table}\n{end}", text)


def update_document(results, path):
    with open(path) as f:
        text = f.read()
    for name, make in (("machine", machine_text), ("rates", rate_table), ("cpu", cpu_table),
                       ("bars", bar_table)):
        text = put_table(text, name, make(results))
    with open(path, "w") as f:
        f.write(text)


PLOT = """
set terminal svg size 1000,520 font "sans,11" background "#ffffff"
set output "{output}"
set title "I/O on the exposed file: share of what a FUSE server that answers from memory reaches"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.85 noborder
set yrange [0:*]
set ylabel "of the floor"
set grid ytics
set key outside right top
set xtics rotate by -20
plot {plots}
"""


def plot(results, output):
    """Bars by cell, as ratios to the floor."""
    cells = [c for c in FOUR_K + ["1m-read-qd8", "1m-write-qd8"] if c in results["cells"]]
    left_out = ("file", "floor", "floor-polls", "loop")
    shown = [n for n in names(results["cells"][c] for c in cells) if n not in left_out]
    lines = ["cell " + " ".join(shown)]
    for cell in cells:
        entries = results["cells"][cell]["contestants"]
        lines.append(f'"{cell}" ' + " ".join(
            str(entries.get(n, {}).get("ratio", {}).get("floor", "?")) for n in shown))
    data = "$data << EOD\n" + "\n".join(lines) + "\nEOD\n"
    plots = ", ".join(f"$data using {i + 2}:xtic(1) title columnheader({i + 2})"
                      for i in range(len(shown)))
    plots += ', 1 with lines dashtype 2 linecolor "#555555" title "the floor"'
    script = data + PLOT.format(output=output, plots=plots)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


# ---- the machine -----------------------------------------------------------------------------------


def cpu_model():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"


def filesystem_of(path):
    """The type of the file system with the longest mount point above PATH."""
    best = ("", "unknown")
    with open("/proc/self/mountinfo") as f:
        for line in f:
            left, right = line.split(" - ", 1)
            mountpoint = left.split()[4]
            if os.path.commonpath([mountpoint, path]) == mountpoint and len(mountpoint) >= len(best[0]):
                best = (mountpoint, right.split()[0])
    return best[1]


def policy():
    """What was done against others on the machine: client and servers inherit it."""
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        return ", client and servers at real-time priority"
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    return f", client and servers at nice {nice}" if nice else ""


def machine(directory):
    return {"cpus": os.cpu_count(), "cpu": cpu_model(), "kernel": os.uname().release,
            "filesystem": filesystem_of(directory), "load": f"{os.getloadavg()[0]:.2f}",
            "policy": policy()}
