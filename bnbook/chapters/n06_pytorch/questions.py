"""The questions of notebook 06, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

QUESTIONS = (
    Question(
        "pytorch-kept",
        3,
        "x - mean, made once for the square and once more for the division, and x_hat for the product with gamma.",
        {
            0: (
                "Then backward could not know x_hat, which dgamma is made of. For 640 numbers in x, x_hat has:",
                "torch.nn.functional.batch_norm(torch.rand(64, 10), None, None, training=True).numel()",
                "640",
            ),
            1: (
                "One would do, as you will see; but autograd differentiates line by line. One line alone keeps one:",
                "a = torch.ones(64, 10, requires_grad=True); b = (a - 1) ** 2; b.grad_fn._saved_self.numel()",
                "640",
            ),
            6: (
                "Sums, means and additions keep no array: the derivative of a sum is 1 whatever x was.",
                "a = torch.ones(64, 10, requires_grad=True); b = a.sum(); hasattr(b.grad_fn, '_saved_self')",
                "False",
            ),
        },
    ),
    Question(
        "pytorch-marked",
        "b",
        "The first derivative only uses the numbers; the second differentiates backward, where mean and var now look "
        "like constants.",
        {
            "a": (
                "mean and var depend on x. Marked, their gradient does not even exist; unmarked, d mean / dx is 1 / m:",
                "from bnbook import norm_torch; a = torch.ones(4, 1).cumsum(0).requires_grad_(); "
                "b = norm_torch.batch_norm(a, None, None)[1]; torch.autograd.grad(b.sum(), a)[0][0].item()",
                "0.25",
            ),
            "c": (
                "A loss that looks at y alone sends zeros to mean and var, so its first derivative misses nothing.",
                "from bnbook import norm_torch; a = torch.ones(4, 1).cumsum(0).requires_grad_(); "
                "b = norm_torch.batch_norm(a, None, None)[0]; g = torch.autograd.grad(b[0].sum(), a)[0]; "
                "round(g.sum().abs().item(), 3)",
                "0.0",
            ),
        },
    ),
    Question(
        "pytorch-optimizer",
        32,
        "weight and bias, 16 numbers each; what is measured (running_mean, running_var) is not learned.",
        {
            16: (
                "weight is one of two: bias is learned too.",
                "len(list(torch.nn.BatchNorm2d(16).parameters()))",
                "2",
            ),
            64: (
                "That counts the running statistics, which are buffers: no gradient, no optimizer. They and the count:",
                "sum(b.numel() for b in torch.nn.BatchNorm2d(16).buffers())",
                "33",
            ),
            65: (
                "65 numbers are saved in the state_dict; of them the optimizer gets:",
                "sum(p.numel() for p in torch.nn.BatchNorm2d(16).parameters())",
                "32",
            ),
        },
    ),
    Question(
        "pytorch-frozen",
        "b",
        "requires_grad speaks to the optimizer. The statistics are moved by forward itself, in training mode.",
        {
            "a": (
                "No gradient is needed to average: forward writes into the buffers. After one batch with mean 5:",
                "layer = torch.nn.BatchNorm1d(1).requires_grad_(False); b = layer(torch.tensor([[4.0], [6.0]])); "
                "layer.running_mean.item()",
                "0.5",
            ),
            "c": (
                "weight has no gradient now, so nothing moves it. It is still",
                "layer = torch.nn.BatchNorm1d(1).requires_grad_(False); b = layer(torch.tensor([[4.0], [6.0]])); "
                "layer.weight.item()",
                "1.0",
            ),
        },
    ),
    Question(
        "pytorch-leak",
        "b",
        "backward() frees what the nodes saved, not the nodes: those live as long as somebody holds their result.",
        {
            "a": (
                "The loss of a training step does not depend on running_mean: backward never walks into the old graph.",
                "r = torch.zeros(1); w = torch.ones(1, requires_grad=True); "
                "r = r + w; (2 * w).backward(); r = r + w; (2 * w).backward(); w.grad.item()",
                "4.0",
            ),
            "c": (
                "backward() frees saved tensors along its way; a node stays while its result is held. Is it gone?",
                "w = torch.ones(1, requires_grad=True); r = 0.9 * w; (2 * r).backward(); r.grad_fn is None",
                "False",
            ),
        },
    ),
    Question(
        "pytorch-flat",
        0,
        "update_bn looks for nn's own base class. Finding none, it returns at once, without a word.",
        {
            5: (
                "That is what a subclass of nn.BatchNorm2d would have. BatchNorms in a net with a plain Module:",
                "sum(isinstance(m, torch.nn.BatchNorm2d) for m in torch.nn.Sequential(torch.nn.Module()).modules())",
                "0",
            ),
            "an error": (
                "It would be better so. update_bn on a net without any BatchNorm returns",
                "net = torch.nn.Linear(2, 2); str(torch.optim.swa_utils.update_bn([torch.ones(3, 2)], net))",
                "None",
            ),
        },
    ),
    Question(
        "pytorch-autocast",
        "b",
        "y has the dtype of x, so that the next layer goes on in 16 bits; what is averaged over many steps is float32.",
        {
            "a": (
                "Autocast changes what flows, not what is stored: parameters and buffers keep 4 bytes per number.",
                "torch.nn.BatchNorm2d(3).running_mean.element_size()",
                "4",
            ),
            "c": (
                "Then every layer after it would get 4 bytes per number. What comes out of the layer has:",
                "torch.nn.BatchNorm1d(1)(torch.tensor([[4.0], [6.0]], dtype=torch.bfloat16)).element_size()",
                "2",
            ),
        },
    ),
    Question(
        "pytorch-biased",
        "the test loss",
        "In training every batch is normalized by its own variance; only evaluation reads running_var.",
        {
            "the training losses": (
                "Training mode never reads running_var: change it, and the output is the same to the last bit.",
                "layer = torch.nn.BatchNorm1d(1); a = torch.tensor([[1.0], [2.0]]); b = layer(a); "
                "layer.running_var *= 0.5; bool(torch.equal(layer(a), b))",
                "True",
            ),
            "neither": (
                "Evaluation divides by its root: with m = 4 the biased one is 3/4 of it, so y is larger by a factor:",
                "layer = torch.nn.BatchNorm1d(1, eps=1e-12).eval(); a = torch.ones(1, 1); b = layer(a); "
                "layer.running_var *= 0.75; round((layer(a) / b).item(), 3)",
                "1.155",
            ),
        },
    ),
)
