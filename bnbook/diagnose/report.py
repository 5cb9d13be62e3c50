"""What `diagnose` returns: findings, and how they are shown to a terminal, a notebook, a script and a CI server."""

import html
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

SEVERITIES = ("error", "warning", "note")
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Measured(NamedTuple):
    """A number, the threshold beyond which it counts, and the unit of both."""

    number: float
    threshold: float
    unit: str

    def __str__(self):
        return f"{self.number:.3g} {self.unit} (limit {self.threshold:.3g})"


@dataclass(frozen=True)
class Finding:
    """One disease of one layer.

    name      stable, such as "running-stats-stale"
    severity  "error": results are wrong; "warning": likely to hurt; "note": worth knowing
    layer     qualified name, "" for the model
    measured  Measured(number, threshold, unit)
    why       two sentences
    fix       Python that runs where `model` and `loader` are yours
    read      notebook and section of the course
    """

    name: str
    severity: str
    layer: str
    measured: Measured
    why: str
    fix: str
    read: str = ""

    def __post_init__(self):
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity {self.severity!r} is none of {', '.join(SEVERITIES)}")
        object.__setattr__(self, "measured", Measured(*self.measured))


class Report:
    """The findings of one diagnosis, the most severe first.

    findings   tuple of Finding
    layers     number of normalization layers looked at
    batches    number of batches that went through
    """

    def __init__(self, findings, layers=0, batches=0):
        self.findings = tuple(sorted(findings, key=lambda f: SEVERITIES.index(f.severity)))
        self.layers, self.batches = layers, batches

    @property
    def ok(self):
        """No error and no warning."""
        return all(finding.severity == "note" for finding in self.findings)

    @property
    def names(self):
        """Names of all errors and warnings, sorted, each once."""
        return sorted({finding.name for finding in self.findings if finding.severity != "note"})

    def grouped(self):
        """Findings of one name and severity together, as lists, in order."""
        groups = {}
        for finding in self.findings:
            groups.setdefault((finding.name, finding.severity), []).append(finding)
        return list(groups.values())

    def __str__(self):
        lines = [self._headline()]
        for group in self.grouped():
            worst = max(group, key=lambda f: _excess(f.measured))
            lines += ["", f"{worst.severity:<8} {worst.name}   {_places(group)}"]
            lines += [f"         {worst.measured}", f"         {worst.why}"]
            more = len(group) - 1 if "get_submodule" in worst.fix else 0
            lines += ["         fix:   " + worst.fix.replace("\n", "\n                ")] if worst.fix else []
            lines += [f"                # and so for the other {more}: see report.findings"] if more else []
            lines += [f"         read:  {worst.read}"] if worst.read else []
        return "\n".join(lines)

    __repr__ = __str__

    def _headline(self):
        counts = Counter(finding.severity for finding in self.findings)
        parts = [f"{counts[s]} {s}{'s' * (counts[s] != 1)}" for s in SEVERITIES if counts[s]]
        seen = f"{self.layers} norm layer{'s' * (self.layers != 1)}"
        seen += f", {self.batches} batch{'es' * (self.batches != 1)}" if self.batches else ", no data"
        return f"diagnose: {', '.join(parts) or 'nothing found'} ({seen})"

    def _repr_html_(self):
        rows = []
        for group in self.grouped():
            worst = max(group, key=lambda f: _excess(f.measured))
            cells = (worst.severity, worst.name, _places(group), str(worst.measured), worst.why, worst.read)
            cells = [f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in cells]
            rows.append(
                f"<tr>{''.join(cells)}<td style='text-align:left'><pre>{html.escape(worst.fix)}</pre></td></tr>"
            )
        head = "".join(f"<th>{c}</th>" for c in ("severity", "name", "layer", "measured", "why", "read", "fix"))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
        return f"<p>{html.escape(self._headline())}</p>{table}"

    def to_dict(self):
        """Everything as plain dicts, lists, strings and numbers."""
        findings = [asdict(f) | {"measured": f.measured._asdict()} for f in self.findings]
        return {"ok": self.ok, "layers": self.layers, "batches": self.batches, "findings": findings}

    def to_json(self):
        """`to_dict` as JSON; numbers that are not finite become strings, which JSON can hold."""
        return json.dumps(_plain(self.to_dict()), indent=2, allow_nan=False)

    def to_sarif(self):
        """The findings as SARIF 2.1.0, the format in which CI servers take results: a dict."""
        names = sorted({finding.name for finding in self.findings})
        why = {finding.name: finding.why for finding in self.findings}
        rules = [
            {"id": name, "shortDescription": {"text": name}, "fullDescription": {"text": why[name]}} for name in names
        ]
        driver = {"name": "bnbook-diagnose", "rules": rules}
        results = [_sarif_result(finding, names.index(finding.name)) for finding in self.findings]
        return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}

    def save_baseline(self, path):
        """Accept what was found: a JSON file for `baseline=`, one {"name", "layer"} per finding."""
        known = [{"name": finding.name, "layer": finding.layer} for finding in self.findings]
        Path(path).write_text(json.dumps({"findings": known}, indent=2) + "\n", encoding="utf-8")


def read_baseline(source):
    """Pairs (name, layer) of accepted findings, from a path, a dict like `to_dict`'s, a Report, or None.

    Raises ValueError for a file that is no such JSON.
    """
    if source is None:
        return frozenset()
    if isinstance(source, Report):
        source = source.to_dict()
    try:
        content = source if isinstance(source, dict) else json.loads(Path(source).read_text(encoding="utf-8"))
        return frozenset((item["name"], item["layer"]) for item in content["findings"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{source} is no baseline; Report.save_baseline or `diagnose --json` writes one") from error


def _sarif_result(finding, index):
    level = {"error": "error", "warning": "warning", "note": "note"}[finding.severity]
    place = finding.layer or "model"
    location = {"logicalLocations": [{"fullyQualifiedName": place, "kind": "module"}]}
    text = f"{place}: {finding.measured}. {finding.why}"
    return {
        "ruleId": finding.name,
        "ruleIndex": index,
        "level": level,
        "message": {"text": text},
        "locations": [location],
    }


def _places(group):
    places = list(dict.fromkeys(finding.layer or "the model" for finding in group))
    return ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")


def _excess(measured):
    return abs(measured.number - measured.threshold) if measured.number == measured.number else float("inf")


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value
