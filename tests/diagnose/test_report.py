"""What is returned and printed: command line, baselines, rules of one's own, replicas, wrappers, kinds of batches."""

import argparse
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import patients
import pytest
import torch
import torch.nn.functional as F
from patients import data, norms
from torch import nn

from bnbook.diagnose import Finding, Report, command, compare_replicas, diagnose
from bnbook.diagnose.explain import ANYWHERE, SAME_LAYER
from bnbook.diagnose.rules.finding import READ

both = pytest.mark.parametrize("kind", ("mlp", "cnn"))
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def broken(trained):
    net = trained("mlp")
    norms(net)[0].running_var[1] = -1
    norms(net)[1].running_mean[0] = torch.nan
    norms(net)[1].running_var[0] = torch.inf
    return net


def test_findings_come_sorted_and_alike_ones_in_one_line(trained):
    net = trained("mlp")
    for norm in norms(net):
        norm.momentum = 0.99
    norms(net)[1].running_var[0] = -1
    report = diagnose(net)
    assert [(f.severity, f.layer) for f in report.findings] == [("error", "4"), ("warning", "1"), ("warning", "4")]
    assert not report.ok
    printed = str(report)
    assert printed.startswith("diagnose: 1 error, 2 warnings (2 norm layers, no data)")
    assert len(re.findall("momentum-convention", printed)) == 1 and "1, 4" in printed


def test_every_form_of_a_report_holds_the_same(broken):
    report = diagnose(broken)
    names = [finding.name for finding in report.findings]
    assert [f["name"] for f in report.to_dict()["findings"]] == names
    assert [f["name"] for f in json.loads(report.to_json())["findings"]] == names
    run = report.to_sarif()["runs"][0]
    assert [result["ruleId"] for result in run["results"]] == names
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    assert all(name in report._repr_html_() for name in names)
    assert Report(()).ok and "nothing found" in str(Report(())) and "<table>" not in Report(())._repr_html_()
    with pytest.raises(AttributeError):
        report.findings[0].name = "other"


def test_json_takes_numbers_that_are_not_finite():
    finding = Finding("x", "error", "", (float("nan"), float("inf"), "m"), "Why. So.", "pass")
    assert json.loads(Report([finding]).to_json())["findings"][0]["measured"]["number"] == "nan"


def test_names_can_be_ignored_and_a_baseline_accepts_what_is_known(broken, tmp_path):
    report = diagnose(broken)
    assert diagnose(broken, ignore=("running-var-invalid", "running-stats-not-finite")).ok
    report.save_baseline(tmp_path / "known.json")
    (tmp_path / "whole.json").write_text(report.to_json())
    for known in (tmp_path / "known.json", str(tmp_path / "whole.json"), report, report.to_dict()):
        assert diagnose(broken, baseline=known).ok
    norms(broken)[0].momentum = 0.95
    assert diagnose(broken, baseline=report).names == ["momentum-convention"]
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(ValueError, match="is no baseline"):
        diagnose(broken, baseline=tmp_path / "bad.json")


def test_a_rule_of_ones_own_reads_the_record(trained):
    def wide(layer):
        if layer.channels > 50 and layer.train is not None:
            return Finding("wide", "warning", layer.name, (layer.channels, 50, "channels"), "It is wide. Why?", "pass")

    assert diagnose(trained("mlp"), data("mlp"), rules=(wide,)).names == ["wide"]
    assert diagnose(trained("mlp"), rules=(wide,)).ok
    with pytest.raises(ValueError, match="must return a Finding or None"):
        diagnose(trained("mlp"), rules=(lambda layer: layer.name,))


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch deprecates it, users have it
    SCRIPTED = torch.jit.script(nn.Sequential(nn.BatchNorm1d(3)))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"model": 3}, "wants a torch.nn.Module, got int"),
        ({"batches": 0}, "batches must be"),
        ({"ignore": "dead-channels"}, "ignore must be"),
        ({"loader": []}, "without a single batch"),
        ({"model": SCRIPTED}, "cannot look into TorchScript"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        diagnose(**({"model": patients.mlp()} | arguments))


def test_every_name_says_what_to_read_and_the_section_exists():
    headings = {}
    for file in NOTEBOOKS.glob("*.ipynb"):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        headings[file.name[:2]] = re.findall("^## (.*)$", text, re.MULTILINE)
    for name, place in READ.items():
        number, section = place.split(", ", 1)
        assert section in headings[number], (name, place)


def test_the_table_of_explanations_knows_only_names_that_exist():
    for table in (SAME_LAYER, ANYWHERE):
        assert set(table) | set().union(*table.values()) <= set(READ)
        assert all(name not in explained for name, explained in table.items())


# Replicas


@both
def test_replicas_that_saw_other_data_differ(kind, trained):
    one, two = trained(kind), trained(kind)
    assert compare_replicas([one, two.state_dict()]).ok
    with torch.no_grad():  # ranks of DDP: each its own batches
        for net, seed in ((one, 1), (two, 2)):
            net.train()
            for x, _ in data(kind, seed=seed):
                net(x)
    assert diagnose([one, two]).ok
    with torch.no_grad():
        for x, _ in data(kind):
            two(0.3 * x)
    report = diagnose([one, two])
    assert report.names == ["replicas-differ"]
    assert diagnose([one, two], ignore=("replicas-differ",)).ok and diagnose([one, two], baseline=report).ok
    scope = {"model": two, "torch": torch}
    exec(report.findings[0].fix, scope)
    assert any(isinstance(m, nn.SyncBatchNorm) for m in scope["model"].modules())
    two.load_state_dict(one.state_dict())
    assert compare_replicas([one, two]).ok


def test_replicas_of_other_nets_are_refused():
    with pytest.raises(ValueError, match="at least two"):
        compare_replicas([patients.mlp()])
    with pytest.raises(ValueError, match="other layers"):
        compare_replicas([patients.mlp(), patients.cnn()])
    with pytest.raises(ValueError, match="different shapes"):
        compare_replicas([patients.mlp(), patients.mlp(width=8)])


# Wrappers, batches


def test_wrappers_are_looked_through_and_names_are_those_of_the_users_model(trained):
    net = trained("mlp")
    norms(net)[0].momentum = 0.95
    for wrapped in (
        torch.compile(net, backend="eager"),
        torch.optim.swa_utils.AveragedModel(net),
        nn.DataParallel(net),
        torch.compile(nn.DataParallel(net), backend="eager"),
    ):
        report = diagnose(wrapped, data("mlp"))
        assert report.names == ["momentum-convention"]
        assert wrapped.get_submodule(report.findings[0].layer).momentum == 0.95


IN_DDP = """
import os, sys
import torch, patients
from torch import nn
from torch.nn import functional as F
from bnbook.diagnose import diagnose
torch.set_num_threads(1)
net = patients.train(patients.mlp(), False).train()
torch.distributed.init_process_group("gloo", init_method="file://" + sys.argv[1], rank=0, world_size=1)
wrapped = nn.parallel.DistributedDataParallel(net)
print(diagnose(wrapped, patients.data("mlp"), loss=F.cross_entropy).ok)
x, y = next(iter(patients.data("mlp")))
F.cross_entropy(wrapped(x), y).backward()
print(all(parameter.grad is not None for parameter in net.parameters()), flush=True)
os._exit(0)  # gloo's threads may wait for the interpreter for ever where it ends, or where the group is destroyed
"""


def test_a_net_in_ddp_is_diagnosed_alone_and_trains_on(tmp_path):
    """In a process of its own: destroying a process group in this one can wait for ever."""
    path = os.pathsep.join([str(Path(__file__).parent), str(NOTEBOOKS.parent)])
    command = [sys.executable, "-c", IN_DDP, str(tmp_path / "meet")]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "True\nTrue\n", done.stderr


def test_a_submodule_compiled_on_its_own_runs_uncompiled(trained):
    net = trained("mlp")
    net[1] = torch.compile(net[1], backend="eager")
    assert diagnose(net, data("mlp")).ok


def test_batches_may_be_tensors_lists_dicts_or_the_users_own(trained):
    class Named(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, *, pixels, label=None):
            return {"logits": self.net(pixels)}

    net, batches = trained("mlp"), list(data("mlp"))
    assert diagnose(net, [x for x, _ in batches]).findings == ()
    assert diagnose(net, [[x, y, "more"] for x, y in batches], loss=F.cross_entropy).findings == ()
    named = [{"pixels": x, "label": y} for x, y in batches]
    loss = lambda output, batch: F.cross_entropy(output["logits"], batch["label"])  # noqa: E731
    assert diagnose(Named(net).eval(), named, loss=loss).findings == ()
    odd = [(7, {"x": x}) for x, _ in batches]
    assert diagnose(net, odd, forward=lambda model, batch: model(batch[1]["x"])).findings == ()
    assert diagnose(net, (x for x, _ in batches)).findings == ()


def test_a_net_in_sixteen_bits_or_sixty_four_is_judged_alike(trained):
    assert diagnose(trained("mlp").bfloat16(), [x.bfloat16() for x, _ in data("mlp")]).ok
    assert diagnose(trained("mlp").double(), [x.double() for x, _ in data("mlp")]).findings == ()


# The command line

FILE = """
import torch
from torch import nn

def make_model():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)).eval()
    net[1].momentum = MOMENTUM
    return net

def make_loader():
    return [torch.randn(32, 4, generator=torch.Generator().manual_seed(i)) for i in range(8)]

def make_shifted():
    return [x + 3 for x in make_loader()]

def broken():
    raise RuntimeError("no such weights\\nsecond line")

number = 3
"""


@pytest.fixture
def cli(tmp_path, capsys):
    def call(*arguments, momentum=0.1, folder="plain"):
        (tmp_path / folder).mkdir(exist_ok=True)
        file = tmp_path / folder / "my_net.py"
        file.write_text(FILE.replace("MOMENTUM", str(momentum)))
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        code = command.run(parser.parse_args([a.replace("FILE", str(file)) for a in arguments]))
        return code, *capsys.readouterr()

    return call


def test_the_exit_code_tells_sound_from_broken(cli):
    assert cli("FILE:make_model")[0] == 0
    assert cli("FILE:make_model", "--loader", "make_loader")[0] == 0
    assert cli("FILE:make_model", momentum=0.99)[0] == 1
    code, out, _ = cli("FILE:make_model", "--loader", "make_loader", "--eval-loader", "make_shifted")
    assert code == 1 and "eval-data-differs" in out
    assert cli("FILE:make_model", folder="with:colon")[0] == 0


def test_json_and_sarif_are_printed_alone(cli, tmp_path):
    code, out, _ = cli("FILE:make_model", "--json", momentum=0.99)
    assert code == 1 and json.loads(out)["findings"][0]["name"] == "momentum-convention"
    (tmp_path / "known.json").write_text(out)
    assert cli("FILE:make_model", "--baseline", str(tmp_path / "known.json"), momentum=0.99)[0] == 0
    assert json.loads(cli("FILE:make_model", "--sarif")[1])["version"] == "2.1.0"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("nowhere.py:make",), "there is no file"),
        (("FILE",), "names no function"),
        (("FILE:missing",), "has no missing"),
        (("FILE:number",), "not a torch.nn.Module"),
        (("FILE:broken",), "RuntimeError: no such weights"),
        (("FILE:make_model", "--baseline", "missing.json"), "missing.json"),
    ],
)
def test_what_cannot_run_is_said_in_one_sentence(arguments, message, cli):
    code, out, error = cli(*arguments)
    assert code == 2 and not out
    assert message in error and error.count("\n") == 1
