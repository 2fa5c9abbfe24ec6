# SPDX-License-Identifier: Apache-2.0
"""What a comparison found: a line for each round, a Markdown table, and an SVG plot."""
from xml.sax.saxutils import escape

COLOURS = {"weft": "#0b7285", "ovs-dpdk": "#e8590c", "testpmd-io": "#f59f00",
           "linux-bridge": "#868e96", "null-switch": "#dee2e6"}


def millions(rate):
    return f"{rate / 1e6:.2f}"


def trips(cells):
    return [trip for cell in cells.values() for trip in cell["round_trips"]]


def flip(cells):
    """How much the time from core to core changed within a round, as a factor."""
    return max(trips(cells)) / min(trips(cells))


def line(number, case, cells):
    rates = "  ".join(f"{name} {millions(cell['frames_per_second'])}" for name, cell in cells.items())
    return (f"round {number}, {case:>6}: {rates} Mpps  "
            f"(round trip {min(trips(cells))} to {max(trips(cells))} ticks)")


def sentence(about):
    versions = "; ".join(f"{name}: {version}" for name, version in about["versions"].items() if version)
    looked = "receivers read every byte" if about["work"] == "read" else "receivers look at no byte"
    ways = "one way" if about["one_way"] else "both directions together"
    ends = "a NIC (net_memif) and a container" if about["nic"] else "two containers"
    return (f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}; commit {about['commit']}, "
            f"{about['date']}. Million frames a second, {ways}, {ends}, one core for the switch, "
            f"{about['ring']} rings, {looked}. {versions}.")


def first_of_ours(names):
    """Which weft the others are compared with."""
    return next((name for name in names if name.startswith("weft")), None)


def table(results):
    names = list(next(iter(results["rounds"].values()))[0])
    ours = first_of_ours(names)
    others = [name for name in names if name not in (ours, "null-switch")]
    head = ["frame", *names, *(f"{ours} / {name}" for name in others), "rounds", "round trip"]
    rows = [head, ["---"] * len(head)]
    for case, figures in results["cases"].items():
        if not figures["rounds"]:
            rows.append([case, *["no round counted"] * (len(head) - 1)])
            continue
        cells = [f"{millions(one['median'])} ({millions(one['least'])} to {millions(one['most'])})"
                 for one in figures["switches"].values()]
        ratios = [f"{figures.get('weft_over', {}).get(name, 0):.2f}" for name in others]
        rows.append([case, *cells, *ratios, f"{figures['rounds']} of "
                     f"{figures['rounds'] + figures['discarded']}", f"{figures['round_trip_ticks']:.0f} ticks"])
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{text}\n\nMedians, with the least and the most. {sentence(results['about'])}\n"


def plot(results):
    """Bars by case, a group for each; the whiskers are the least and the most."""
    cases = {case: figures for case, figures in results["cases"].items() if figures["rounds"]}
    names = [name for name in next(iter(results["rounds"].values()))[0] if name != "null-switch"]
    highest = max((one["most"] for figures in cases.values()
                   for name, one in figures["switches"].items() if name in names), default=1)
    width, height, left, top, bar = 720, 380, 56, 40, 28
    floor = height - 60
    scale = (floor - top) / highest
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="{left}" y="20" font-size="14">Million frames a second, one switch core</text>']
    step = max(1, round(highest / 1e6 / 6))
    for value in range(0, int(highest / 1e6) + 1, step):
        y = floor - value * 1e6 * scale
        parts.append(f'<path d="M{left} {y:.1f}H{width - 20}" stroke="#e9ecef"/>'
                     f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    group = (width - left - 20) / max(1, len(cases))
    for i, (case, figures) in enumerate(cases.items()):
        start = left + i * group + (group - bar * len(names)) / 2
        for j, name in enumerate(names):
            one = figures["switches"][name]
            x, y = start + j * bar, floor - one["median"] * scale
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar - 4}" height="{floor - y:.1f}" '
                         f'fill="{COLOURS.get(name, "#adb5bd")}"/>')
            middle = x + (bar - 4) / 2
            parts.append(f'<path d="M{middle:.1f} {floor - one["least"] * scale:.1f}'
                         f'V{floor - one["most"] * scale:.1f}" stroke="#212529"/>')
            above = floor - one["most"] * scale - 5
            parts.append(f'<text x="{middle:.1f}" y="{above:.1f}" text-anchor="middle" font-size="10">'
                         f'{one["median"] / 1e6:.1f}</text>')
        parts.append(f'<text x="{left + (i + 0.5) * group:.1f}" y="{floor + 18}" '
                     f'text-anchor="middle">{escape(case)}</text>')
    for j, name in enumerate(names):
        x = left + j * 130
        parts.append(f'<rect x="{x}" y="{height - 26}" width="12" height="12" '
                     f'fill="{COLOURS.get(name, "#adb5bd")}"/>'
                     f'<text x="{x + 18}" y="{height - 16}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
