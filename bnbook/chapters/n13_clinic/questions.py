"""The questions of notebook 13: which measurement tells two causes apart, and what it then says."""

from bnbook.grading.question import Question

_P = "P = experiments.patient; "

QUESTIONS = (
    Question(
        "clinic-1-measure",
        "b",
        "If the statistics are wrong, training images suffer as well. If the validation images are, they do not.",
        {
            "a": (
                "By the batch both nets are as good as the healthy one: a scale of 255 and old statistics both vanish, "
                "because the batch's own mean and variance replace them. It says that the weights are sound, and no "
                "more:",
                _P + "[round(right(P(n).net, P(n).x, P(n).y, True)) for n in (1, 2)]",
                "[98, 98]",
            ),
            "c": (
                "The training loss is 0.01 for both, to the last digit the same run. There is nothing left to gain "
                "from another rate:",
                _P + '[round(P(n).log["training loss"][-1], 2) for n in (1, 2)]',
                "[0.01, 0.01]",
            ),
        },
    ),
    Question(
        "clinic-1-cause",
        "b",
        "Same images, same weights, 82 % by the stored statistics and 100 % by the batch's: the stored ones are wrong.",
        {
            "a": (
                "An overfitted net is good at its training images. This one is not, unless it may use the batch:",
                _P + "[round(right(P(1).net, P(1).x_train, P(1).y_train, by)) for by in (False, True)]",
                "[82, 100]",
            ),
            "c": (
                "No validation image took part in that number. The largest pixel of the validation images, for "
                "patients 1 and 2:",
                _P + "[P(n).x.max().item() for n in (1, 2)]",
                "[1.0, 255.0]",
            ),
        },
    ),
    Question(
        "clinic-2-measure",
        "b",
        "In evaluation mode a net does not know how its images were batched. What is then still wrong is in the net.",
        {
            "a": (
                "In training mode both nets know all their training images, so this cannot tell them apart:",
                _P + "[round(right(P(n).net, P(n).x_train, P(n).y_train, True)) for n in (3, 4)]",
                "[100, 100]",
            ),
            "c": (
                "A loss of 0.01 does not come out of weights that are not finite. How many are not:",
                _P + "[sum(int((~v.isfinite()).sum()) for v in P(n).net.parameters()) for n in (3, 4)]",
                "[0, 0]",
            ),
        },
    ),
    Question(
        "clinic-2-cause",
        "a",
        "Batches of one class, normalized by themselves, lose what makes the class. Nothing is wrong with the net.",
        {
            "b": (
                "Then evaluation mode would be bad, too, as for patient 1. In evaluation mode, patients 3 and 1:",
                _P + "[round(right(P(n).net, P(n).x, P(n).y)) for n in (3, 1)]",
                "[97, 79]",
            ),
            "c": (
                "A layer at two places stores one mean for two kinds of input; in evaluation mode that hurts. "
                "Calls of each BatchNorm in one pass, patients 3 and 4:",
                _P + "[calls(P(n).net, P(n).x) for n in (3, 4)]",
                "[[1, 1], [2]]",
            ),
        },
    ),
    Question(
        "clinic-3-measure",
        "b",
        "Outputs that do not depend on the image are another disease than outputs that follow the batch of the day.",
        {
            "a": (
                "Both nets fail on the images they were trained on, so it is not overfitting. Which of the other "
                "causes it is, that does not say:",
                _P + "[round(right(P(n).net, P(n).x_train, P(n).y_train)) for n in (5, 6)]",
                "[18, 10]",
            ),
            "c": (
                "New statistics cure neither: one has no statistics, and the other has wrong weights:",
                _P + "[round(right(recalibrated(P(n).net, P(n).loader), P(n).x, P(n).y)) for n in (5, 6)]",
                "[20, 10]",
            ),
        },
    ),
    Question(
        "clinic-3-cause",
        "b",
        "A value minus itself is 0, whatever the value: each unit gives beta, for each image.",
        {
            "a": (
                "Half of the activations are above 0. They are alive; they are only the same for all images. Share "
                "above 0 behind the first ReLU:",
                _P + "round(float((P(6).net[:3](P(6).x) > 0).double().mean()), 1)",
                "0.5",
            ),
            "c": (
                "Then the batches would hold one class or two, and the outputs would follow the images all the same. "
                "Classes in the first batches of patients 5 and 6:",
                _P + "[[len(set(y.tolist())) for _, y in P(n).loader[:3]] for n in (5, 6)]",
                "[[1, 2, 1], [10, 10, 10]]",
            ),
        },
    ),
    Question(
        "clinic-4-measure",
        "b",
        "What was lost or exchanged on the way lies in the buffers, and they can simply be read.",
        {
            "a": (
                "By the batch both nets work, so the weights have arrived. That holds for both:",
                _P + "[round(right(P(n).net, P(n).x, P(n).y, True)) for n in (7, 8)]",
                "[98, 95]",
            ),
            "c": (
                "Recalibration heals both. A cure that always works tells nothing about the cause:",
                _P + "[round(right(recalibrated(P(n).net, P(n).loader), P(n).x, P(n).y)) for n in (7, 8)]",
                "[98, 95]",
            ),
        },
    ),
    Question(
        "clinic-4-cause",
        "a",
        "0 and 1, exactly, in all channels: that is what a new layer is made with. No statistics were in the file.",
        {
            "b": (
                "Exchanged, they would hold the data's numbers in the wrong place, as in patient 8. Means over the "
                "channels of its running_mean and running_var:",
                _P + "[round(float(v.mean()), 1) for v in list(P(8).net[2].buffers())[:2]]",
                "[0.0, 0.7]",
            ),
            "c": (
                "Even momentum 0.001 moves them a little, and counts. Batches counted, patients 1 and 7:",
                _P + "[count(P(n).net) for n in (1, 7)]",
                "[120, 0]",
            ),
        },
    ),
    Question(
        "clinic-5-measure",
        "b",
        "With equal parameters only the buffers are left: are they finite, and how far have they moved?",
        {
            "a": (
                "Every parameter is bit for bit that of the healthy net. That is true of both, and was said by their "
                "owners:",
                _P + "[all(map(torch.equal, P(n).net.parameters(), P(0).net.parameters())) for n in (9, 10)]",
                "[True, True]",
            ),
            "c": (
                "By the batch both are in the best of health:",
                _P + "[round(right(P(n).net, P(n).x, P(n).y, True)) for n in (9, 10)]",
                "[98, 98]",
            ),
        },
    ),
    Question(
        "clinic-5-cause",
        "a",
        "An average with NaN or infinity stays there: 0.9 times NaN is NaN. One batch was enough.",
        {
            "b": (
                "Diverged weights would not be finite. How many gammas of the first layer are NaN, patients 9 and 10:",
                _P + "[int(P(n).net[1].weight.isnan().sum()) for n in (9, 10)]",
                "[0, 0]",
            ),
            "c": (
                "Other images move the statistics, to other finite numbers, as in patient 10. Variances that are NaN, "
                "patients 9 and 10:",
                _P + "[int(P(n).net[1].running_var.isnan().sum()) for n in (9, 10)]",
                "[64, 0]",
            ),
        },
    ),
    Question(
        "clinic-6-measure",
        "c",
        "Called once in a forward pass and counted twice in a step: the second call happens in the backward pass.",
        {
            "a": (
                "Nothing to see: validation is as good in both modes. Statistics that move twice a step are no wrong "
                "statistics, only faster ones:",
                _P + "[round(right(P(11).net, P(11).x, P(11).y, by)) for by in (False, True)]",
                "[98, 98]",
            ),
            "b": (
                "A layer at two places counts twice a step, too. Count per step, patients 4 and 11:",
                _P + "[count(P(n).net) / 120 for n in (4, 11)]",
                "[2.0, 2.0]",
            ),
        },
    ),
    Question(
        "clinic-6-cause",
        "b",
        "No weight moves, so it is the statistics, and with momentum 0.99 they are those of the last batch.",
        {
            "a": (
                "A rate, large or small, moves weights, and none moved here. The same weights with statistics of all "
                "the batches, before and after:",
                _P + "[round(right(net, P(12).x, P(12).y)) for net in (P(12).net, recalibrated(P(12).net, "
                "P(12).loader))]",
                "[93, 97]",
            ),
            "c": (
                "The same batches of 16, the same run, with momentum 0.1. Lowest and highest accuracy over 30 more "
                "batches:",
                "hits = experiments.after_each_batch(experiments.repaired(12)); [round(min(hits)), round(max(hits))]",
                "[96, 97]",
            ),
        },
    ),
)
