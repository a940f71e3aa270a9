# SPDX-License-Identifier: Apache-2.0
"""The results as a document: a table for each case, the figures to reach, and the machine."""
import statistics

MIB = 1 << 20


def median(record, field):
    values = [run[field] for run in record["runs"]]
    return statistics.median(values) if values else None


def spread(record, field):
    values = [run[field] for run in record["runs"]]
    return f"{seconds(statistics.median(values))} ({seconds(min(values))}..{seconds(max(values))})"


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def mebibytes(value):
    return f"{value / MIB:.2f}" if value < 10 * MIB else f"{value / MIB:.0f}"


def ratio(value, reference):
    if value is None or not reference:
        return "–"
    return f"{value / reference:.2f}" if value / reference < 10 else f"{value / reference:.0f}"


def wire(record):
    counts = record.get("wire")
    return sum(counts) if counts else None


def case_lines(case):
    """One case: medians, the spread of the wall times, and each as a multiple of the first peer."""
    names = [name for name, record in case["peers"].items() if record["runs"]]
    lines = [f"### {case['name']}: {case['title']}", ""]
    if case["changed_pages"] is not None:
        lines += [
            f"{case['changed_pages']:,} pages of 4 KiB differ"
            f" ({mebibytes(case['changed_pages'] * 4096)} MiB); compressed with zstd -1 in runs of"
            f" 1 MiB they are {case['changed_compressed'] / MIB:.2f} MiB.", ""]
    if names:
        lines += table(case, names)
    for name, record in case["peers"].items():
        if record["absent"]:
            lines.append(f"- {name}: not on this machine")
        for failure in record["failures"]:
            lines.append(f"- {name}: failed: {failure}")
    return lines + [""]


def table(case, names):
    reference = case["peers"][names[0]]
    rows = [[
        "peer", "wall (min..max)", "×", "with sync", "×", "CPU near + far", "×", "peak MiB",
        "wire MiB out + in", "×"]]
    if case["shows_rate"]:
        rows[0] += ["GB/s", "GB per CPU s"]
    for name in names:
        record = case["peers"][name]
        row = [name if len(record["runs"]) > 1 else f"{name} (one run)"]
        for field in ("wall", "synced"):
            text = spread(record, field) if field == "wall" else seconds(median(record, field))
            row += [text, ratio(median(record, field), median(reference, field))]
        near, far = median(record, "near_cpu"), median(record, "far_cpu")
        row += [f"{near:.2f} + {far:.2f} s", ratio(median(record, "cpu"), median(reference, "cpu"))]
        row.append(" + ".join(f"{peak / MIB:.0f}" for peak in record["peak"] if peak) or "–")
        counts = record.get("wire")
        row.append(" + ".join(map(mebibytes, counts)) if counts and sum(counts) else "–")
        row.append(ratio(wire(record), wire(reference)))
        if case["shows_rate"]:
            row.append(f"{case['source_bytes'] / median(record, 'wall') / 1e9:.2f}")
            row.append(f"{case['source_bytes'] / max(median(record, 'cpu'), 0.001) / 1e9:.2f}")
        rows.append(row)
    count = max(len(case["peers"][name]["runs"]) for name in names)
    others = statistics.median(
        run["others"] for name in names for run in case["peers"][name]["runs"])
    return [*markdown(rows), "",
            f"Medians of {count} interleaved rounds; × is the multiple of {names[0]}. Others on"
            f" this machine used {others:.1f} cores meanwhile (median)."]


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    rule = "|---|" + "---:|" * (len(rows[0]) - 1)
    return [lines[0], rule, *lines[1:]]


def document(results, figures, machine, command):
    lines = [f"# Benchmarks, {machine['date']}", "", "Made by", "", f"    {command}", ""]
    lines += [
        "Both ends are this machine. Every peer is timed twice: to its own end, and with the"
        " target file forced to stable storage after it (`with sync`): blkmove, and nbdcopy with"
        " --flush, end only then by themselves, the others before. CPU is user and system time of"
        " all processes of an end, ssh and sshd included. Wire bytes are counted between the"
        " program and its remote shell. After every run the target was compared with the source,"
        " byte by byte.", ""]
    if figures:
        lines += ["## The figures", "", *markdown(
            [["figure", "at most", "measured", ""], *figures]), ""]
    lines += ["## The cases", ""]
    for case in results:
        lines += case_lines(case)
    lines += ["## The machine", ""]
    lines += [f"- {key}: {value}" for key, value in machine.items()]
    return "\n".join(lines) + "\n"
