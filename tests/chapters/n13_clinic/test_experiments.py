"""Each patient of notebook 13 has its disease and no other, and the cure the notebook names cures it."""

import pytest
import torch
import torch.nn.functional as F

from bnbook.chapters.n13_clinic import experiments
from bnbook.chapters.n13_clinic.functions import calls, count, recalibrated, right, statistics
from bnbook.diagnose import diagnose

FOUND = {
    0: [],
    1: ["running-stats-stale"],
    2: ["eval-data-differs"],
    3: [],
    4: ["shared-layer"],
    5: ["batches-not-alike"],
    6: ["one-value-per-group"],
    7: ["running-stats-untouched"],
    8: ["statistics-exchanged"],
    9: ["running-stats-not-finite"],
    10: ["frozen-but-moving"],
    11: ["updated-more-than-once"],
    12: ["momentum-convention"],
}


@pytest.mark.parametrize("number", FOUND)
def test_diagnose_says_of_each_patient_its_disease_and_nothing_else(number):
    p = experiments.patient(number)
    net = p.net.train() if number == 10 else p.net
    assert diagnose(net, p.loader, eval_loader=[(p.x, p.y)], loss=F.cross_entropy).names == FOUND[number]


@pytest.mark.parametrize("number", [n for n in FOUND if n not in (0, 3, 11)])
def test_a_patient_is_worse_than_the_healthy_one_in_evaluation_mode(number):
    p, healthy = experiments.patient(number), experiments.patient(0)
    assert right(p.net, p.x, p.y) < right(healthy.net, healthy.x, healthy.y) - 3


def test_validation_data_are_judged_only_where_they_are_handed_in():
    p = experiments.patient(2)
    assert diagnose(p.net, p.loader, loss=F.cross_entropy).names == []


def test_the_one_who_forgot_eval_logged_a_guess_and_is_sound():
    p = experiments.patient(3)
    assert p.log["validation"][-1] < 20 and right(p.net, p.x, p.y) > 95 and p.net.training


@pytest.mark.parametrize("number", (1, 7, 8, 9, 10, 12))
def test_recalibration_cures_wrong_statistics(number):
    p = experiments.patient(number)
    assert right(recalibrated(p.net, p.loader), p.x, p.y) > 94


@pytest.mark.parametrize("number", (4, 5, 6))
def test_recalibration_cures_nothing_else_and_a_new_training_does(number):
    p, cured = experiments.patient(number), experiments.repaired(number)
    assert right(recalibrated(p.net, p.loader), p.x, p.y) < 30 and right(cured.net, cured.x, cured.y) > 94
    assert diagnose(cured.net, cured.loader).ok


def test_patients_who_are_told_apart_by_calls_count_alike():
    two, once = experiments.patient(4), experiments.patient(11)
    assert count(two.net) == count(once.net) == 2 * experiments.STEPS
    assert calls(two.net, two.x) == [2] and calls(once.net, once.x) == [1, 1]


def test_accuracy_jumps_from_batch_to_batch_only_with_the_momentum_of_keras():
    spread = [max(hits) - min(hits) for hits in map(experiments.after_each_batch, both(12))]
    assert spread[0] > 2 and spread[1] < 1


def both(number):
    return experiments.patient(number), experiments.repaired(number)


def test_measuring_leaves_a_patient_as_it_was():
    p = experiments.patient(12)
    before = {name: value.clone() for name, value in p.net.state_dict().items()}
    (
        right(p.net, p.x, p.y, training=True),
        recalibrated(p.net, p.loader),
        calls(p.net, p.x),
        experiments.after_each_batch(p),
    )
    assert not p.net.training
    assert all(torch.equal(before[name], value) for name, value in p.net.state_dict().items())


def test_each_look_at_a_patient_is_a_copy_of_its_own_and_random_numbers_go_on():
    state = torch.get_rng_state()
    first = experiments.patient(1)
    assert torch.equal(state, torch.get_rng_state())
    with torch.no_grad():
        first.net[1].running_mean.zero_()
    assert statistics(experiments.patient(1).net)[0] != 0


def test_a_number_without_a_patient_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="there is no patient 13; the patients are 0"):
        experiments.patient(13)
    with pytest.raises(ValueError, match="patient 1 needs no new training; those who do are 4, 5"):
        experiments.repaired(1)
